/** Collects the probabilities of a case's voxels, without keeping them: reliability, and the thresholds they reach. */
import { type ModelSpec, segmentationRecord, type VoxelReader } from "../../../inference/mod.ts";
import { addProbability, reliability, type ReliabilityCounts } from "../../../metrics/mod.ts";
import { type Box, boxSize, cutWindow, type Grid, voxelMl, voxelsOf } from "../../../volume/mod.ts";
import { type ChoiceTable, countChoices, LEAST_ML, THRESHOLDS } from "./choices.ts";
import type { Reference } from "./reference.ts";

/** Bins of reliability. */
export const BINS = 20;
/** Bytes that the levels of a case's voxels may take; beyond it no threshold is chosen. */
const MOST_LEVELS = 2 ** 28;
/** Voxels times labels whose probabilities are counted, at most: beyond it every n-th voxel is. */
const MOST_COUNTED = 2 ** 24;

/** Visits every voxel that may be labelled once. */
export class Probabilities {
  readonly #reader: VoxelReader;
  readonly #reference: Reference;
  readonly #values: Float32Array;
  readonly #bins: readonly ReturnType<typeof reliability>[];
  readonly #stride: number;
  readonly #thresholds: readonly number[];
  /** A byte a voxel for each label, or none. */
  readonly #levels: readonly Uint8Array[];
  readonly #grid: Grid;
  readonly #record: ReturnType<typeof segmentationRecord>;
  readonly #isPlain: boolean;

  constructor({ spec, grid, reference }: { spec: ModelSpec; grid: Grid; reference: Reference }) {
    const { labels, inference } = spec, voxels = voxelsOf(grid.sizeVox);
    this.#record = segmentationRecord(inference);
    this.#reader = this.#record.reader(spec);
    this.#reference = reference;
    this.#grid = grid;
    this.#values = new Float32Array(labels.length);
    this.#bins = labels.map(() => reliability(BINS));
    this.#thresholds = [...new Set([...THRESHOLDS, inference.threshold])].sort((a, b) => a - b);
    // other changes of the mask would come after the threshold, and the counts would not be those of use
    this.#isPlain = (inference.postprocessing ?? []).length === 0;
    const hasLevels = !this.#record.exclusive && this.#isPlain && voxels * labels.length <= MOST_LEVELS;
    this.#levels = hasLevels ? labels.map(() => new Uint8Array(voxels)) : [];
    this.#stride = hasLevels ? 1 : Math.ceil(voxels * labels.length / MOST_COUNTED) | 1; // odd: no multiple of a row
  }

  add(voxel: number, logits: Float32Array): void {
    if (this.#record.areNames || voxel % this.#stride !== 0) return;
    const values = this.#values, levels = this.#levels, thresholds = this.#thresholds;
    const members = this.#reference.at(voxel);
    this.#reader.probabilitiesOf(logits, values);
    for (let c = 0; c < values.length; c++) {
      const p = values[c];
      addProbability(this.#bins[c], Math.min(p, 1), members[c] === 1);
      if (levels.length === 0) continue;
      let level = 0;
      while (level < thresholds.length && p >= Math.fround(thresholds[level])) level++;
      levels[c][voxel] = level;
    }
  }

  /** Absent where the network gives names and no probabilities. */
  reliabilityOf(label: number): ReliabilityCounts | undefined {
    if (this.#record.areNames) return undefined;
    const { counts, events, sums } = this.#bins[label];
    return { counts: [...counts], events: [...events], sums: [...sums].map((v) => Number(v.toPrecision(9))) };
  }

  /** Masks of every threshold lie inside the box of these and the others that are scored. */
  get marked(): readonly Uint8Array[] {
    return this.#levels;
  }

  /** @param masks of the label, as they are in use, inside `box` */
  choicesOf(label: number, { prediction, reference, box, lesions }: {
    prediction: Uint8Array;
    reference: Uint8Array;
    box: Box;
    /** Sizes of the reference's components, voxels. */
    lesions: readonly number[];
  }): ChoiceTable | undefined {
    const { exclusive } = this.#record, { sizeVox, affineRas } = this.#grid;
    if (!this.#isPlain || (!exclusive && this.#levels.length === 0)) return undefined;
    const size = boxSize(box), ml = voxelMl(affineRas);
    const [levels, other] = [exclusive ? prediction : this.#levels[label], reference]
      .map((mask) => cutWindow(mask, sizeVox, { start: box.start, size }));
    const thresholds = exclusive ? [null] : this.#thresholds, leastVoxels = LEAST_ML.map((least) => least / ml);
    return {
      thresholds,
      leastMl: LEAST_ML,
      counts: countChoices({
        levels,
        reference: other,
        sizeVox: size,
        thresholds: thresholds.length,
        leastVoxels,
      }),
      referenceBelow: leastVoxels.map((least) => lesions.filter((size) => size < least).length),
    };
  }
}
