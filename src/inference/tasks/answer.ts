/** The voxels of an answer, read one by one: their labels and probabilities, and their share in the answer's quality. */
import type { VisitLogits } from "../../volume/mod.ts";
import { type SegmentationRecord, segmentationRecord } from "../activation/segmentation.ts";
import { Tally } from "../quality/tally.ts";
import type { ModelSpec } from "../spec.ts";
import type { QualityEffort } from "../quality_types.ts";
import { type Pass, passesOf } from "../windows/passes.ts";

/** The passes of the network beside the answer's own: none but where a full quality is asked for. */
export function furtherPasses(spec: ModelSpec, effort: QualityEffort = "quick"): Pass[] {
  if (effort === "quick" || segmentationRecord(spec.inference).areNames) return [];
  return passesOf(spec.quality?.mirrored ?? spec.inference.mirrored ?? []);
}

export interface AnswerOptions {
  readonly spec: ModelSpec;
  /** Further passes, whose channels follow those of the answer. */
  readonly passes: number;
  /** Takes the labels of a voxel that has some: the first `count` of `found`. */
  readonly take: (voxel: number, found: Uint8Array, count: number) => void;
  /** Takes a voxel's probabilities, those of the answer and their mean over all passes. */
  readonly weigh?: ((voxel: number, probabilities: Float32Array, mean: Float32Array) => void) | undefined;
}

/** The function that visits an answer's voxels, and what it adds up; no sums where the network gives no probabilities. */
export function answerReader(
  { spec, passes, take, weigh }: AnswerOptions,
): { readonly visit: VisitLogits; readonly tally: Tally | null } {
  const record = segmentationRecord(spec.inference), { labelsOf, probabilitiesOf, isPlain } = record.reader(spec);
  const labels = spec.labels.length, split = splitting(record.channels(labels), passes);
  const tally = tallyOf(record, { labels, passes });
  const found = new Uint8Array(labels), other = new Uint8Array(labels);
  const own = new Float32Array(labels), one = new Float32Array(labels), mean = new Float32Array(labels);
  const alone: VisitLogits = (voxel, values) => {
    const count = labelsOf(values, found);
    if (count > 0) take(voxel, found, count);
    if (weigh === undefined && (tally === null || (count === 0 && isPlain(values)))) return;
    probabilitiesOf(values, own);
    tally?.add(own, found, count);
    weigh?.(voxel, own, own);
  };
  const several: VisitLogits = (voxel, values) => {
    const answers = split(values), [answer] = answers;
    const count = labelsOf(answer, found);
    if (count > 0) take(voxel, found, count);
    if (weigh === undefined && count === 0 && answers.every(isPlain)) return;
    probabilitiesOf(answer, own);
    tally?.add(own, found, count);
    mean.set(own);
    for (let p = 1; p < answers.length; p++) {
      tally?.compare(p - 1, other, labelsOf(answers[p], other));
      probabilitiesOf(answers[p], one);
      for (let c = 0; c < labels; c++) mean[c] += one[c];
    }
    for (let c = 0; c < labels; c++) mean[c] /= answers.length;
    weigh?.(voxel, own, mean);
  };
  return { visit: passes === 0 ? alone : several, tally };
}

function tallyOf({ areNames }: SegmentationRecord, { labels, passes }: { labels: number; passes: number }) {
  return areNames ? null : new Tally(labels, passes);
}

/** Cuts a voxel's values into those of each answer; the same array comes for every voxel, so that it is cut once. */
function splitting(channels: number, passes: number): (values: Float32Array) => readonly Float32Array[] {
  let last: Float32Array | null = null, parts: readonly Float32Array[] = [];
  return (values) => {
    if (values === last) return parts;
    last = values;
    return parts = Array.from({ length: 1 + passes }, (_, p) => values.subarray(p * channels, (p + 1) * channels));
  };
}
