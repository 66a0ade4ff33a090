/** Real lesion masks, each cut to its lesions and parted, ready to be painted into anatomies. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { partsOf } from "../../../src/volume/foreground/components.ts";
import { type GridImage, multiplyAffines, type Triple } from "../../../src/volume/grid/grid.ts";
import { readVolume, toRas } from "../../../src/volume/mod.ts";
import { smooth } from "../fields/smooth.ts";

export type LesionKind = "ms" | "stroke";

/** The lesions of one patient, in the box around them with a margin. */
export interface LesionMask {
  readonly kind: LesionKind;
  readonly sizeVox: Triple;
  /** Voxel → mm of standard space (MNI152). */
  readonly toStandard: readonly number[];
  /** 255 inside; softened, so that borders may be moved and resampled. */
  readonly soft: Uint8Array;
  /** The lesion that a voxel in or next to one belongs to, from 1; 0: none. */
  readonly part: Uint16Array;
  readonly parts: number;
  /** Voxels of each lesion; the first entry is empty. */
  readonly voxels: readonly number[];
}

/** Sub-folders by kind and how much larger standard space's brain is than the brains in the masks' own space. */
const SOURCES = {
  ms: { folder: "ms-lesion-masks", scale: 1.15 },
  stroke: { folder: "stroke-masks", scale: 1 },
} as const;

/**
 * Every mask of a kind below `folder`, which is the masks' own folder or one that holds it.
 * @throws {RangeError} no masks there
 */
export async function readLesionMasks(
  folder: string,
  kind: LesionKind,
  { most = Infinity }: { most?: number } = {},
): Promise<LesionMask[]> {
  const own = join(folder, SOURCES[kind].folder);
  const at = existsSync(own) ? own : folder;
  const files = existsSync(at) ? readdirSync(at).filter((f) => f.endsWith(".nii.gz")).sort().slice(0, most) : [];
  const masks: LesionMask[] = [];
  for (const file of files) {
    const mask = makeLesionMask(await readVolume(join(at, file)), kind);
    if (mask !== null) masks.push(mask);
  }
  if (masks.length === 0) {
    throw new RangeError(`Cannot simulate lesions: expected masks of ${kind} (*.nii.gz) in the folder, got none`);
  }
  return masks;
}

/** Voxels around the lesions' box. */
const MARGIN = 3;

/** The lesions of a mask; null where it has none. */
export function makeLesionMask(mask: GridImage, kind: LesionKind): LesionMask | null {
  const { data, sizeVox: whole, affineRas } = toRas(mask);
  const box = lesionBox(data, whole);
  if (box === null) return null;
  const [from, sizeVox] = box;
  const inside = new Uint8Array(sizeVox[0] * sizeVox[1] * sizeVox[2]);
  for (let x = 0, o = 0; x < sizeVox[0]; x++) {
    for (let y = 0; y < sizeVox[1]; y++) {
      for (let z = 0; z < sizeVox[2]; z++, o++) {
        const [i, j, k] = [x + from[0], y + from[1], z + from[2]];
        if (i < 0 || j < 0 || k < 0 || i >= whole[0] || j >= whole[1] || k >= whole[2]) continue;
        inside[o] = Number(data[(i * whole[1] + j) * whole[2] + k] > 0);
      }
    }
  }
  const soft = Float32Array.from(inside, (v) => 255 * v);
  smooth(soft, sizeVox, { sigmaVox: [0.7, 0.7, 0.7] });
  const found = partsOf(inside, sizeVox, { value: 1, neighbours: 26 });
  const part = new Uint16Array(inside.length);
  for (let i = 0; i < found.part.length; i++) part.fill(found.part[i] + 1, found.start[i], found.end[i]);
  const shift = [1, 0, 0, from[0], 0, 1, 0, from[1], 0, 0, 1, from[2], 0, 0, 0, 1];
  const { scale } = SOURCES[kind];
  const stretch = [scale, 0, 0, 0, 0, scale, 0, 0, 0, 0, scale, 0, 0, 0, 0, 1];
  return {
    kind,
    sizeVox,
    toStandard: multiplyAffines(stretch, multiplyAffines(affineRas, shift)),
    soft: Uint8Array.from(soft, Math.round),
    part: grownParts(grownParts(part, sizeVox), sizeVox),
    parts: found.voxels.length,
    voxels: [0, ...found.voxels],
  };
}

/** First voxel and size of the box around the lesions, with a margin. */
function lesionBox(data: Float32Array, [nx, ny, nz]: Triple): readonly [Triple, Triple] | null {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  for (let x = 0, i = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, i++) {
        if (!(data[i] > 0)) continue;
        for (const [a, v] of [x, y, z].entries()) {
          low[a] = Math.min(low[a], v);
          high[a] = Math.max(high[a], v);
        }
      }
    }
  }
  if (high[0] < 0) return null;
  const size = low.map((v, a) => high[a] - v + 1 + 2 * MARGIN);
  return [[low[0] - MARGIN, low[1] - MARGIN, low[2] - MARGIN], [size[0], size[1], size[2]]];
}

/** Every voxel without a lesion takes that of a neighbour. */
function grownParts(part: Uint16Array, [nx, ny, nz]: Triple): Uint16Array {
  const grown = part.slice();
  for (let x = 1; x < nx - 1; x++) {
    for (let y = 1; y < ny - 1; y++) {
      for (let z = 1; z < nz - 1; z++) {
        const i = (x * ny + y) * nz + z;
        if (part[i] !== 0) continue;
        grown[i] = part[i - 1] || part[i + 1] || part[i - nz] || part[i + nz] || part[i - ny * nz] ||
          part[i + ny * nz];
      }
    }
  }
  return grown;
}
