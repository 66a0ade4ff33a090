/** What fine-tuning is asked and what it tells; the function is `finetune()` of `mod.ts`. */
import type { Engine } from "../engine/mod.ts";
import type { Label, Modality, ModelSpec } from "../inference/mod.ts";

/** One labelled case. `patient` groups the cases that validation keeps together. */
export interface TrainingCase {
  readonly id: string;
  readonly patient: string;
  /** NIfTI files by modality. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** NIfTI label map (segmentation). */
  readonly label?: string;
  /** Class name (classification). */
  readonly className?: string;
}

/** A case to pre-train on, with as many modalities as it has. */
export type PretrainingCase = Pick<TrainingCase, "id" | "images">;

export type Preset = "edge" | "paper" | "official";

/** A user's wishes; what is absent comes from the preset (docs/method F.1). */
export interface Recipe {
  readonly preset: Preset;
  readonly steps?: number;
  readonly roi?: readonly [number, number, number];
  readonly batchSize?: number;
  readonly learningRate?: number;
  /** Replace modalities by the base's templates. Default: whether the base has them. */
  readonly templates?: boolean;
  readonly seed?: number;
  readonly validation?: "auto" | "none" | { readonly folds: number };
  /** Stop when the training loss has not improved for this many steps. */
  readonly earlyStopSteps?: number;
  readonly compareFromScratch?: boolean;
}

export interface FinetuneRequest {
  readonly task: "segmentation" | "classification";
  readonly cases: readonly TrainingCase[];
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
  readonly recipe: Recipe;
  /** Checkpoints live here; a call with the same folder and request goes on where the last one was killed. */
  readonly workDirectory: string;
  /** Receives `network.onnx`, `templates/*.nii.gz`, `report.json`, `report.html`. The caller writes the manifest. */
  readonly outputDirectory: string;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

/** Fields as in the OpenAPI document's job record and events. */
export type TrainEvent =
  | {
    readonly type: "progress";
    readonly step: number;
    readonly steps: number;
    readonly epoch?: number;
    readonly loss: number;
    /** Its parts, where it has some. */
    readonly losses?: Readonly<Record<string, number>>;
    readonly learningRate: number;
    readonly etaSeconds: number;
    /** What is being trained: "fold 1 of 2", "final", … */
    readonly phase: string;
  }
  | { readonly type: "validation"; readonly fold: number; readonly folds: number; readonly metrics: Metrics }
  | { readonly type: "log"; readonly message: string };

/** Named numbers, for example `dice`, `hd95Mm`, `accuracy`. */
export type Metrics = Readonly<Record<string, number | null>>;

export interface FinetuneResult {
  readonly spec: ModelSpec;
  readonly validation: Metrics | null;
  readonly training: Metrics;
  /** The recipe with every default filled in, for the manifest's provenance. */
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  readonly provider: string;
  readonly peakBytes: number;
}

/** The training data or the recipe cannot be used; the message says what was found and what was expected. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
  constructor(
    readonly code: "invalid-data" | "invalid-recipe" | "cancelled" | "diverged",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
