/**
 * Counts a label's voxels under other thresholds and smallest components, so that both can be chosen over many cases
 * without their probabilities. Masks of lower thresholds contain those of higher ones: components grow from one threshold
 * to the next, so that all of them together cost hardly more than the last.
 */
import type { Triple } from "../../../volume/mod.ts";

/** Thresholds of probabilities that may be chosen, ascending. */
export const THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;
/** Least volumes of a component that may be chosen, mL; 0 keeps all. */
export const LEAST_ML = [0, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

/** The counts of one label of one case. */
export interface ChoiceTable {
  /** Ascending; null alone: the label wins where it is the likeliest. */
  readonly thresholds: readonly (number | null)[];
  readonly leastMl: readonly number[];
  /** By threshold, then by least volume: voxels in both masks, and in the prediction. */
  readonly counts: readonly (readonly (readonly [both: number, own: number])[])[];
  /** By least volume: components of the reference that are smaller. */
  readonly referenceBelow: readonly number[];
}

export interface LevelsOptions {
  /** The number of thresholds that each voxel's probability reaches. */
  readonly levels: Uint8Array;
  /** 0 and 1. */
  readonly reference: Uint8Array;
  readonly sizeVox: Triple;
  /** Number of thresholds. */
  readonly thresholds: number;
  /** Least sizes of components, voxels. */
  readonly leastVoxels: readonly number[];
}

/** The counts by threshold, ascending, and by least size. Components are connected by faces, edges and corners. */
export function countChoices(
  { levels, reference, sizeVox: [nx, ny, nz], thresholds, leastVoxels }: LevelsOptions,
): ChoiceTable["counts"] {
  const byLevel = Array.from({ length: thresholds + 1 }, () => 0);
  for (let v = 0; v < levels.length; v++) byLevel[levels[v]]++;
  const total = levels.length - byLevel[0];
  // active voxels in descending order of their level: the mask of a threshold is a beginning of this list
  const order = new Int32Array(total), next = Array.from(byLevel, (_, level) => sum(byLevel.slice(level + 1)));
  const slot = new Int32Array(levels.length);
  for (let v = 0; v < levels.length; v++) {
    if (levels[v] === 0) continue;
    const at = next[levels[v]]++;
    order[at] = v;
    slot[v] = at + 1;
  }
  const root = new Int32Array(total), size = new Int32Array(total), both = new Int32Array(total);
  const find = (i: number) => {
    while (root[i] !== i) i = root[i] = root[root[i]];
    return i;
  };
  const counts: (readonly [number, number])[][] = [];
  let end = 0;
  for (let level = thresholds; level >= 1; level--) {
    const start = end;
    end += byLevel[level];
    for (let i = start; i < end; i++) {
      const v = order[i], z = v % nz, row = (v - z) / nz, y = row % ny, x = (row - y) / ny;
      root[i] = i;
      size[i] = 1;
      both[i] = reference[v];
      for (let u = Math.max(0, x - 1); u <= Math.min(nx - 1, x + 1); u++) {
        for (let w = Math.max(0, y - 1); w <= Math.min(ny - 1, y + 1); w++) {
          const first = (u * ny + w) * nz, last = first + Math.min(nz - 1, z + 1);
          for (let k = first + Math.max(0, z - 1); k <= last; k++) {
            const j = slot[k] - 1;
            if (j < 0 || j >= i) continue;
            const a = find(i), b = find(j);
            if (a === b) continue;
            const [to, from] = size[a] > size[b] ? [a, b] : [b, a];
            root[from] = to;
            size[to] += size[from];
            both[to] += both[from];
          }
        }
      }
    }
    const kept = leastVoxels.map((): [number, number] => [0, 0]);
    for (let i = 0; i < end; i++) {
      if (root[i] !== i) continue;
      for (let s = 0; s < kept.length; s++) {
        if (size[i] < leastVoxels[s]) continue;
        kept[s][0] += both[i];
        kept[s][1] += size[i];
      }
    }
    counts.unshift(kept);
  }
  return counts;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
