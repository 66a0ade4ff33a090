/** Request and result of a pre-training. */
import type { Engine } from "../../engine/mod.ts";
import type { ModelSpec } from "../../inference/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { PretrainingRecipe } from "./methods.ts";
import type { Metrics, PretrainingCase, TrainEvent } from "../types.ts";

export interface PretrainRequest {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: PretrainingRecipe;
  /**
   * So many of the first cases make room for others between calls with the same work folder: a checkpoint is resumed although
   * they changed. All lie in the templates as the first call's cases say.
   */
  readonly changing?: number;
  /** Weights of the recipe's network to go on from, by their keys; default: fresh ones from the recipe's seed. */
  readonly weights?: ReadonlyMap<string, Tensor>;
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
