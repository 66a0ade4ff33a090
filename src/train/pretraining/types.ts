/** Request and result of a pre-training. */
import type { Engine } from "../../engine/mod.ts";
import type { ModelSpec } from "../../inference/mod.ts";
import type { PretrainingRecipe } from "./methods.ts";
import type { Metrics, PretrainingCase, TrainEvent } from "../types.ts";

export interface PretrainRequest {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: PretrainingRecipe;
  /** Checkpoints live here; a call with the same folder and request resumes a killed one. */
  readonly workDirectory: string;
  /** Receives `network.onnx`, both reports and the method's own files. The caller writes the manifest. */
  readonly outputDirectory: string;
  /** Bytes of prepared cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface PretrainResult {
  readonly spec: ModelSpec;
  /** Means of the method's figures over the last updates. */
  readonly metrics: Metrics;
  /** The recipe with every default filled in, for the manifest's provenance. */
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  readonly provider: string;
  /** The most memory held while it was made: `peakOfWork()`. */
  readonly peakBytes: number;
}
