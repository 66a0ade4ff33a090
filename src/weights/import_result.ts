/** The result of an import of weights in any format: a spec, a report, and the windows of BrainMVP's networks. */
import type { Architecture, Modality, ModelSpec, Task } from "../inference/mod.ts";
import type { LoadPlan } from "../nets/mod.ts";
import type { ReceivedFile } from "../storage/mod.ts";
import type { FormatName } from "./formats/formats.ts";
import { DEFAULT_EDGE } from "./request/serving_fields.ts";

/** Report of an import; kept in the package as `report.json`. Keys are those of docs/method A. */
export interface ImportReport extends LoadPlan {
  readonly format: FormatName;
  readonly source: ReceivedFile;
  readonly network: Architecture;
  /** Weights that the file stores in another type than float32. */
  readonly converted: readonly { readonly key: string; readonly from: string }[];
  /** Modalities whose templates the package holds. */
  readonly templates: readonly Modality[];
  /** Assumptions about things that the file does not state. */
  readonly assumed: readonly string[];
  /** Batches that BatchNormalizations have seen; null where the file gives no number, or different ones. */
  readonly batchesTracked: number | null;
}

/** A package before it has a name; its files are written. */
export interface Outcome {
  readonly spec: ModelSpec;
  readonly report: Omit<ImportReport, "format" | "source">;
}

/** Seed of the fresh weights in a network that an import makes from an encoder. */
export const FRESH_SEED = 0;

/** The official windows (docs/method B.3 row 22, A.6), those of a file's own description, or of `roi`³ voxels. */
export function inferenceFor(
  task: Task,
  { roi, described }: { readonly roi?: number; readonly described?: ModelSpec } = {},
): ModelSpec["inference"] {
  const official: ModelSpec["inference"] = {
    roi: task === "classification" ? [96, 96, 64] : [DEFAULT_EDGE, DEFAULT_EDGE, DEFAULT_EDGE],
    overlap: 0.5,
    blending: "constant",
    threshold: 0.5,
  };
  const inference = described?.inference ?? official;
  return roi === undefined ? inference : { ...inference, roi: [roi, roi, roi] };
}

export function refuse(why: string): never {
  throw new TypeError(`Cannot import the weights: ${why}`);
}
