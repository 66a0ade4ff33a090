/** The figures of one label of one case: overlap, surface, volumes, and lesion by lesion. */
import { dice, hd95, type LesionMatches, matchLesions, type ReliabilityCounts } from "../../../metrics/mod.ts";
import { type Box, boxSize, cutWindow, type Grid, perAxis, spacingOf, voxelMl } from "../../../volume/mod.ts";
import type { ChoiceTable } from "./choices.ts";

/** Lesions of one label of one case: components of the masks, connected by faces, edges and corners. */
export interface LesionScore {
  /** Components of the reference that have a voxel of the prediction, and those that have none. */
  readonly found: number;
  readonly missed: number;
  /** Components of the prediction that have a voxel of the reference, and those that have none. */
  readonly hits: number;
  readonly false: number;
  /** The largest of each, mL, largest first; at most {@link LISTED}. */
  readonly foundMl: readonly number[];
  readonly missedMl: readonly number[];
  readonly falseMl: readonly number[];
}

/** One label of one case. */
export interface LabelScore {
  readonly label: string;
  /** NaN is null: the reference has no such voxel. */
  readonly dice: number | null;
  readonly hd95Mm: number | null;
  readonly volumeMl: number;
  readonly referenceMl: number;
  /** Voxels in both, in the prediction, in the reference. */
  readonly counts: readonly [number, number, number];
  /** The score of the answer's quality; null: no voxel was found. Absent: the network gives no probabilities. */
  readonly score?: number | null;
  /** Absent in scores of earlier versions, as all below. */
  readonly lesions?: LesionScore;
  /** Probabilities of voxels against the reference; absent where the network gives none. */
  readonly reliability?: ReliabilityCounts;
  /** Counts under other thresholds and least sizes; absent where neither can be chosen. */
  readonly choices?: ChoiceTable;
  /** The network was trained on no case with this label: its figures mean nothing. */
  readonly unlearnt?: true;
}

/** Sizes of lesions that a score lists. */
const LISTED = 50;

export interface MaskPair {
  /** 0 and 1, on the whole grid. */
  readonly prediction: Uint8Array;
  readonly reference: Uint8Array;
  readonly grid: Grid;
  /** Holds both masks. */
  readonly box: Box;
}

/** The figures of two masks, and their lesions on the part of the grid inside `box`. */
export function scoreLabel(label: string, { prediction, reference, grid, box }: MaskPair) {
  const size = boxSize(box);
  const [mask, other] = [prediction, reference].map((m) => cutWindow(m, grid.sizeVox, { start: box.start, size }));
  let both = 0, own = 0, wanted = 0;
  for (let v = 0; v < mask.length; v++) {
    both += mask[v] & other[v];
    own += mask[v];
    wanted += other[v];
  }
  const ml = voxelMl(grid.affineRas), onBox = { sizeVox: size };
  const matches = matchLesions(mask, other, onBox);
  const score: LabelScore = {
    label,
    dice: finite(dice(mask, other)),
    hd95Mm: finite(hd95(mask, other, { ...onBox, spacingMm: spacingOf(grid.affineRas), empty: "nan" })),
    volumeMl: own * ml,
    referenceMl: wanted * ml,
    counts: [both, own, wanted],
    lesions: lesionScore(matches, ml),
  };
  return { score, matches };
}

function lesionScore({ reference, prediction }: LesionMatches, ml: number): LesionScore {
  const sizesOf = ({ sizes, isMatched }: LesionMatches["reference"], wanted: boolean) =>
    sizes.filter((_, i) => isMatched[i] === wanted).sort((a, b) => b - a);
  const listed = (sizes: readonly number[]) => sizes.slice(0, LISTED).map((n) => Number((n * ml).toPrecision(4)));
  const [found, missed] = [true, false].map((wanted) => sizesOf(reference, wanted));
  const [hits, invented] = [true, false].map((wanted) => sizesOf(prediction, wanted));
  return {
    found: found.length,
    missed: missed.length,
    hits: hits.length,
    false: invented.length,
    foundMl: listed(found),
    missedMl: listed(missed),
    falseMl: listed(invented),
  };
}

/** The smallest box of voxels that any of the masks marks; one voxel where there is none. */
export function boxOf(masks: readonly Uint8Array[], [nx, ny, nz]: Grid["sizeVox"]): Box {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  for (let x = 0, row = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++, row += nz) {
      for (const mask of masks) {
        let first = 0;
        while (first < nz && mask[row + first] === 0) first++;
        if (first === nz) continue;
        let last = nz - 1;
        while (mask[row + last] === 0) last--;
        [x, y, first].forEach((v, a) => low[a] = Math.min(low[a], v));
        [x, y, last].forEach((v, a) => high[a] = Math.max(high[a], v));
      }
    }
  }
  if (high[0] < 0) return { start: [0, 0, 0], end: [1, 1, 1] };
  return { start: perAxis((a) => low[a]), end: perAxis((a) => high[a] + 1) };
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);
