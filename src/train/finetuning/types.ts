/** Request and result of a fine-tune. */
import type { Engine } from "../../engine/mod.ts";
import type { Label, Modality, ModelSpec, Warning } from "../../inference/mod.ts";
import type { FinetunePlan } from "../planning/plan.ts";
import type { Recipe } from "../recipe/finetuning.ts";
import type { LeftOut, Metrics, PatientCounts, TrainEvent, TrainingCase } from "../types.ts";

/** The part of a request that decides the network. */
export interface NetworkRequest {
  readonly task: "segmentation" | "classification";
  readonly modalities: readonly Modality[];
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  /** The base package: its folder holds `network.onnx` and perhaps `templates/`. */
  readonly base: {
    readonly name: string;
    readonly version: number;
    readonly directory: string;
    readonly spec: ModelSpec;
  };
}

export interface FinetuneRequest extends NetworkRequest {
  readonly cases: readonly TrainingCase[];
  readonly recipe: Recipe;
  /** Cases of the data set that are not trained on, for the report. */
  readonly leftOut?: readonly LeftOut[];
  /** How the patients were found, for the report. */
  readonly patients?: PatientCounts;
  /** Checkpoints live here; a call with the same folder and request resumes a killed one. */
  readonly workDirectory: string;
  /**
   * Receives `network.onnx`, `templates/*.nii.gz`, `report.json`, `report.html`, and in `private/` the report with names and
   * pictures of cases. The caller writes the manifest.
   */
  readonly outputDirectory: string;
  /** Bytes of prepared cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface FinetuneResult {
  readonly spec: ModelSpec;
  readonly validation: Metrics | null;
  readonly training: Metrics;
  /** The recipe with every default filled in, for the manifest's provenance. */
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  /** By the scores of held-out patients. */
  readonly warnings?: readonly Warning[];
  /** Preset auto: what was planned and done. */
  readonly plan?: FinetunePlan | null;
  readonly provider: string;
  /** The most memory held while it was made: `peakOfWork()`. */
  readonly peakBytes: number;
}
