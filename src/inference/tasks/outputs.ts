/** The outputs of a segmentation: one record each, from logits on the network's grid to voxels of the written file. */
import { type PlacedLogits, restoreChannels, restoreLabels } from "../../volume/mod.ts";
import type { ModelSpec } from "../spec.ts";
import type { Output } from "../types.ts";
import { cutOf, sigmoid } from "./activation.ts";

interface Segmentation {
  readonly placed: PlacedLogits;
  readonly spec: Pick<ModelSpec, "labels" | "inference">;
  /** The {@link regionsOf} these logits, which are needed for the volumes of any output. */
  readonly regions: Uint8Array;
}

interface OutputRecord {
  /** True: the file has a volume per label; false: one for all. */
  readonly perLabel: boolean;
  readonly make: (found: Segmentation) => Uint8Array | Float32Array;
}

export const OUTPUT_RECORDS: Readonly<Record<Output, OutputRecord>> = {
  labels: {
    perLabel: false,
    make: ({ placed, spec: { labels, inference } }) =>
      restoreLabels(placed, { values: labels.map((l) => l.value), cut: cutOf(inference.threshold) }),
  },
  regions: { perLabel: true, make: ({ regions }) => regions },
  probabilities: { perLabel: true, make: ({ placed }) => restoreChannels(placed, Float32Array, sigmoid) },
};

/** One mask of 0 and 1 per label `[C, X, Y, Z]`: sigmoid(logit) ≥ threshold. */
export function regionsOf(placed: PlacedLogits, { inference }: Pick<ModelSpec, "inference">): Uint8Array {
  const cut = cutOf(inference.threshold);
  return restoreChannels(placed, Uint8Array, (logit) => logit >= cut ? 1 : 0);
}
