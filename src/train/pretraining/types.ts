/** What pre-training is asked and what it answers; the function is `pretrain()` of `mod.ts`. */
import type { Engine } from "../../engine/mod.ts";
import type { ModelSpec } from "../../inference/mod.ts";
import type { PretrainingRecipe } from "./methods.ts";
import type { Metrics, PretrainingCase, TrainEvent } from "../types.ts";

export interface PretrainRequest {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: PretrainingRecipe;
  /** Checkpoints live here; a call with the same folder and request goes on where the last one was killed. */
  readonly workDirectory: string;
  /** Receives `network.onnx`, `templates/*.nii.gz`, `report.json`, `report.html`. The caller writes the manifest. */
  readonly outputDirectory: string;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface PretrainResult {
  readonly spec: ModelSpec;
  /** Losses over the last updates, and what predicting every patch's mean would have cost. */
  readonly metrics: Metrics;
  /** The recipe with every default filled in, for the manifest's provenance. */
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  readonly provider: string;
  readonly peakBytes: number;
}
