/**
 * An anatomy: a head as a map of tissue classes, with what the simulator computes from it once: where voxels lie amid
 * their own class, how far from the brain they are, and where the brain would lie in standard (MNI152) space.
 */
import {
  applyAffine,
  type GridImage,
  invertAffine,
  multiplyAffines,
  stridesOf,
  type Triple,
} from "../../../src/volume/grid/grid.ts";
import { readVolume, toRas } from "../../../src/volume/mod.ts";
import { CLASS_OF_NUMBER, classFlags, classOf } from "./classes.ts";
import { cleaned } from "./cleaning.ts";
import { brainDistances } from "./distance.ts";
import { standardAffine } from "./standard_space.ts";
import { paintArteries } from "./vessels.ts";

export interface Anatomy {
  readonly sizeVox: Triple;
  /** Voxel → mm of the file, axes RAS. */
  readonly affineRas: readonly number[];
  /** Place in `CLASSES` of each voxel. */
  readonly classes: Uint8Array;
  /** 1 where the voxel and its neighbours at +1 along each axis, eight in all, are of one class. */
  readonly uniform: Uint8Array;
  /** Distance to the surface of the brain's tissue, mm: outwards from 1, inside 0 and less; capped. */
  readonly brainDistance: Int8Array;
  /** Voxel → mm in standard space, by landmarks; an affine, so only roughly. */
  readonly toStandard: readonly number[];
  /** First and last voxel along each axis of the brain's tissue, and of the head. */
  readonly brainBox: readonly [Triple, Triple];
  readonly headBox: readonly [Triple, Triple];
}

/** Reads a label map with FreeSurfer's numbers. */
export async function readAnatomy(path: string): Promise<Anatomy> {
  return makeAnatomy(await readVolume(path));
}

/**
 * The anatomy of a label map.
 * @throws {RangeError} a number that is no tissue class, or no brain
 */
export function makeAnatomy(labelMap: GridImage): Anatomy {
  const { data, sizeVox, affineRas } = toRas(labelMap);
  const raw = Uint8Array.from(data, (number) => {
    const tissue = CLASS_OF_NUMBER.get(number);
    if (tissue === undefined) {
      throw new RangeError(`Cannot make an anatomy: expected FreeSurfer's numbers and 502 to 530, got ${number}`);
    }
    return tissue;
  });
  if (!raw.includes(classOf("white matter"))) {
    throw new RangeError("Cannot make an anatomy: expected white matter (2 or 41), got none");
  }
  const classes = cleaned(raw, sizeVox);
  const toStandard = standardAffine({ data, sizeVox, affineRas });
  paintArteries(classes, { sizeVox, toStandard });
  return {
    sizeVox,
    affineRas,
    classes,
    uniform: uniformity(classes, sizeVox),
    brainDistance: brainDistances(classes, sizeVox),
    toStandard,
    brainBox: boxOf(classes, sizeVox, IS_BRAIN),
    headBox: boxOf(classes, sizeVox, IS_HEAD),
  };
}

function uniformity(classes: Uint8Array, sizeVox: Triple): Uint8Array {
  const [sx, sy] = stridesOf(sizeVox), [nx, ny, nz] = sizeVox;
  const flags = new Uint8Array(classes.length);
  for (let x = 0; x < nx - 1; x++) {
    for (let y = 0; y < ny - 1; y++) {
      const row = x * sx + y * sy;
      for (let i = row; i < row + nz - 1; i++) {
        const c = classes[i];
        flags[i] = Number(
          classes[i + 1] === c && classes[i + sy] === c && classes[i + sy + 1] === c && classes[i + sx] === c &&
            classes[i + sx + 1] === c && classes[i + sx + sy] === c && classes[i + sx + sy + 1] === c,
        );
      }
    }
  }
  return flags;
}

/** The place of standard space's origin (near the anterior commissure) in the anatomy's voxels. */
export function originVox({ toStandard }: Anatomy): Triple {
  return applyAffine(invertAffine(toStandard), [0, 0, 0]);
}

const IS_BRAIN = classFlags(({ kind }) => kind === "white" || kind === "grey" || kind === "deep");
const IS_HEAD = classFlags(({ kind }) => kind !== "air");

function boxOf(classes: Uint8Array, [nx, ny, nz]: Triple, holds: Uint8Array): readonly [Triple, Triple] {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  for (let x = 0, i = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, i++) {
        if (holds[classes[i]] === 0) continue;
        if (x < low[0]) low[0] = x;
        if (x > high[0]) high[0] = x;
        if (y < low[1]) low[1] = y;
        if (y > high[1]) high[1] = y;
        if (z < low[2]) low[2] = z;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  return [[low[0], low[1], low[2]], [high[0], high[1], high[2]]];
}

/** Anatomy voxel → the same in millimetres of its own file, for a map that starts in another space. */
export function intoVoxels({ affineRas }: Anatomy, toMm: readonly number[]): number[] {
  return multiplyAffines(invertAffine(affineRas), toMm);
}
