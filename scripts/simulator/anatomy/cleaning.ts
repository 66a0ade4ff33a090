/** Repairs what automatic label maps get wrong outside the brain: islands in the air, speckle, skin without layers. */
import { partsOf } from "../../../src/volume/foreground/components.ts";
import { stridesOf, type Triple } from "../../../src/volume/grid/grid.ts";
import { CLASSES, classFlags, classOf } from "./classes.ts";

const AIR = classOf("air");
const SKIN = classOf("skin");
const MUSCLE = classOf("muscle");
const FAT = classOf("fat");

/** A new map: the largest part of the head only, outside the brain without speckle, fat below the skin. */
export function cleaned(raw: Uint8Array, sizeVox: Triple): Uint8Array {
  return layered(withoutSpeckle(withoutIslands(raw, sizeVox), sizeVox), sizeVox);
}

function withoutIslands(raw: Uint8Array, sizeVox: Triple): Uint8Array {
  const { start, end, part, voxels } = partsOf(Uint8Array.from(raw, (c) => Number(c !== AIR)), sizeVox, { value: 1 });
  const largest = voxels.indexOf(voxels.reduce((a, b) => Math.max(a, b), 0));
  const kept = new Uint8Array(raw.length);
  for (let i = 0; i < part.length; i++) {
    if (part[i] === largest) kept.set(raw.subarray(start[i], end[i]), start[i]);
  }
  return kept;
}

const IS_REPAIRED = classFlags(({ kind }) => kind === "head" || kind === "air");

/** The commonest class of the 27 voxels around each voxel outside the brain whose neighbours differ. */
function withoutSpeckle(classes: Uint8Array, sizeVox: Triple): Uint8Array {
  const [sx, sy] = stridesOf(sizeVox), [nx, ny, nz] = sizeVox;
  const out = classes.slice();
  const counts = new Uint8Array(CLASSES.length);
  for (let x = 1; x < nx - 1; x++) {
    for (let y = 1; y < ny - 1; y++) {
      for (let z = 1, i = x * sx + y * sy + 1; z < nz - 1; z++, i++) {
        const c = classes[i];
        if (IS_REPAIRED[c] === 0) continue;
        const alike = Number(classes[i - 1] === c) + Number(classes[i + 1] === c) + Number(classes[i - sy] === c) +
          Number(classes[i + sy] === c) + Number(classes[i - sx] === c) + Number(classes[i + sx] === c);
        // Thin layers, such as the skull's inner plate, have four alike neighbours or more.
        if (alike > 2) continue;
        counts.fill(0);
        let best = c;
        for (let dx = -sx; dx <= sx; dx += sx) {
          for (let dy = -sy; dy <= sy; dy += sy) {
            for (let dz = -1; dz <= 1; dz++) {
              const other = classes[i + dx + dy + dz];
              if (IS_REPAIRED[other] === 1 && ++counts[other] > counts[best]) best = other;
            }
          }
        }
        out[i] = best;
      }
    }
  }
  return out;
}

/** Depth from the air, mm, down to which tissue is skin, and down to which soft tissue is fat: the map has one class. */
const SKIN_DEPTH = 2;
const FAT_DEPTH = 8;

/** Skin in the outermost millimetres only, and fat between it and the muscles. */
function layered(classes: Uint8Array, sizeVox: Triple): Uint8Array {
  const isSoft = (c: number) => c === SKIN || c === MUSCLE;
  const depth = outerDepth(classes, sizeVox, { reach: FAT_DEPTH, isSoft });
  return classes.map((c, i) => {
    if (!isSoft(c) || (depth[i] === 0 && c === MUSCLE)) return c;
    if (depth[i] > 0 && depth[i] <= SKIN_DEPTH) return SKIN;
    return FAT;
  });
}

interface DepthOptions {
  readonly reach: number;
  readonly isSoft: (tissue: number) => boolean;
}

/** Steps from the air around the head through soft tissue, up to `reach`; 0 elsewhere. */
function outerDepth(classes: Uint8Array, sizeVox: Triple, { reach, isSoft }: DepthOptions): Uint8Array {
  const [sx, sy] = stridesOf(sizeVox), steps = [1, -1, sy, -sy, sx, -sx];
  const { start, end, part, atBorder } = partsOf(Uint8Array.from(classes, (c) => Number(c === AIR)), sizeVox, {
    value: 1,
  });
  const depth = new Uint8Array(classes.length);
  let front: number[] = [];
  const enter = (i: number, level: number, into: number[]) => {
    for (const step of steps) {
      const j = i + step;
      if (j < 0 || j >= classes.length || depth[j] !== 0 || !isSoft(classes[j])) continue;
      depth[j] = level;
      into.push(j);
    }
  };
  for (let run = 0; run < part.length; run++) {
    if (atBorder[part[run]] === 0) continue;
    for (let i = start[run]; i < end[run]; i++) enter(i, 1, front);
  }
  for (let level = 2; level <= reach; level++) {
    const next: number[] = [];
    for (const i of front) enter(i, level, next);
    front = next;
  }
  return depth;
}
