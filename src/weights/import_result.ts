/** The result of an import of weights in any format: a spec and a report. */
import type { Architecture, Modality, ModelSpec } from "../inference/mod.ts";
import type { LoadPlan } from "../nets/mod.ts";
import type { ReceivedFile } from "../storage/mod.ts";
import type { Description } from "./description.ts";
import type { FormatName } from "./formats/formats.ts";
import type { GraphFacts } from "./onnx/facts.ts";

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
  /** What a graph of others holds; absent for networks that have a family here. */
  readonly graph?: GraphFacts;
}

/** A package before it has a name; its files are written. */
export interface Outcome {
  readonly spec: ModelSpec;
  readonly report: Omit<ImportReport, "format" | "source">;
  /** The file's own description, where the package is the one that it describes. */
  readonly described?: Description | undefined;
}

/** Seed of the fresh weights in a network that an import makes from an encoder. */
export const FRESH_SEED = 0;
