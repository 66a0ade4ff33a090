/** Whether a network's output can be what its package says: the number of channels, and a voxel for each of the input. */
import { classificationRecord } from "../activation/classification.ts";
import type { OutputSpec } from "../activation/check.ts";
import { SEGMENTATION_RECORDS, segmentationRecord } from "../activation/segmentation.ts";
import { SEGMENTATION_ACTIVATIONS } from "../spec.ts";

/** The reason why an output of this shape, for one sample, does not fit a spec's labels or classes; null: it fits. */
export function wrongOutput(shape: readonly number[], spec: OutputSpec): string | null {
  return WRONG[spec.task](shape, spec);
}

type Wrong = (shape: readonly number[], spec: OutputSpec) => string | null;

const WRONG: Readonly<Record<OutputSpec["task"], Wrong>> = {
  encoder: () => null,
  segmentation(shape, { labels, inference }) {
    const { activation = "sigmoid", roi } = inference, { channels, channelsAre } = segmentationRecord(inference);
    const wanted = channels(labels.length);
    if (holds(shape, wanted, roi)) return null;
    const others = SEGMENTATION_ACTIVATIONS.filter((name) =>
      holds(shape, SEGMENTATION_RECORDS[name].channels(labels.length), roi)
    );
    return `expected an output of [1, ${wanted}, ${roi.join(", ")}], ${channelsAre} for ${labels.length} labels ` +
      `(activation ${activation}), got [${shape.join(", ")}]` +
      (others.length === 0 ? "" : `, which fits the activation ${others.join(" or ")}`);
  },
  classification(shape, { classes, inference }) {
    const { activation = "softmax" } = inference, wanted = classificationRecord(inference).outputs(classes.length);
    const found = shape.reduce((a, b) => a * b, 1);
    if (wanted.includes(found)) return null;
    return `expected an output of ${
      wanted.join(" or ")
    } numbers for ${classes.length} classes (activation ${activation}), ` +
      `got [${shape.join(", ")}]`;
  },
};

/** A voxel of so many channels for each of the window's; one channel may lack its axis. */
function holds(shape: readonly number[], channels: number, roi: readonly number[]): boolean {
  const is = (wanted: readonly number[]) => shape.length === wanted.length && shape.every((n, i) => n === wanted[i]);
  return is([1, channels, ...roi]) || (channels === 1 && is([1, ...roi]));
}
