/** Types that both trainings share with their callers: cases, events, measured numbers, refusals. */
import type { Modality } from "../inference/mod.ts";

/** One labelled case. `patient` groups the cases that validation keeps together. */
export interface TrainingCase {
  readonly id: string;
  readonly patient: string;
  /** Volume files by modality. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** Label map (segmentation). */
  readonly label?: string;
  /** Class name (classification). */
  readonly className?: string;
}

/** Numbers of patients, and of cases by how their patient was found: named, by a rule, or by the case's name. */
export interface PatientCounts {
  readonly count: number;
  readonly named: number;
  readonly rule: number;
  readonly caseName: number;
}

/** A case that is not trained on, and why. */
export interface LeftOut {
  readonly case: string;
  readonly reason: string;
}

/** A case to pre-train on, with as many modalities as it has. */
export type PretrainingCase = Pick<TrainingCase, "id" | "images">;

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
    /** The training under way: "fold 1 of 2", "final", … */
    readonly phase: string;
  }
  | { readonly type: "validation"; readonly fold: number; readonly folds: number; readonly metrics: Metrics }
  | { readonly type: "log"; readonly message: string };

/** Named numbers, for example `dice`, `hd95Mm`, `accuracy`. */
export type Metrics = Readonly<Record<string, number | null>>;

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
