/** A tiny head for tests: nested spheres with FreeSurfer's numbers, no anatomy of anybody. */
import { type GridImage, spacingAffine } from "../../../src/volume/mod.ts";

/** Radius in voxels and number, from outside to inside. */
const SHELLS = [[22, 511], [20, 507], [19, 515], [17, 24], [15, 3], [12, 2], [4, 4]] as const;
const SIDE = 48;

/** A head of 44 voxels of 4 mm; its deep nuclei lie left and right of the ventricle. */
export function sphereHead(): GridImage {
  const data = new Float32Array(SIDE ** 3), middle = (SIDE - 1) / 2;
  for (let x = 0, i = 0; x < SIDE; x++) {
    for (let y = 0; y < SIDE; y++) {
      for (let z = 0; z < SIDE; z++, i++) {
        const d = Math.hypot(x - middle, y - middle, z - middle);
        for (const [radius, number] of SHELLS) {
          if (d >= radius) break;
          // The right half has the numbers of the right side.
          data[i] = x > middle && number < 5 ? number + 39 : number;
        }
        if (Math.abs(Math.abs(x - middle) - 7) < 1.5 && Math.abs(y - middle) < 2 && Math.abs(z - middle) < 2) {
          data[i] = x > middle ? 49 : 10;
        }
      }
    }
  }
  const mm = 4;
  return {
    data,
    sizeVox: [SIDE, SIDE, SIDE],
    affineRas: spacingAffine([mm, mm, mm], [-mm * middle, -mm * middle, -mm * middle]),
  };
}

const BALLS = [[0, 14], [0, -20], [14, 0], [-14, 0], [14, -14], [-14, -14]] as const;

/** Balls of lesion in the white matter of {@link sphereHead}, in standard space. */
export function sphereLesions(): GridImage {
  const side = 60, middle = (side - 1) / 2, mm = 2, data = new Float32Array(side ** 3);
  for (let x = 0, i = 0; x < side; x++) {
    for (let y = 0; y < side; y++) {
      for (let z = 0; z < side; z++, i++) {
        data[i] = Number(
          BALLS.some(([dx, dy]) => Math.hypot(x - middle - dx, y - middle - dy, z - middle) < 4),
        );
      }
    }
  }
  return {
    data,
    sizeVox: [side, side, side],
    affineRas: spacingAffine([mm, mm, mm], [-mm * middle, -mm * middle, -mm * middle]),
  };
}
