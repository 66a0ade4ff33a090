/** Requests to `inference/` and its results; the functions are `segment()` and `classify()` of `mod.ts`. */
import type { Engine } from "../engine/mod.ts";
import type { Modality } from "./modalities.ts";
import type { CaseQuality, QualityEffort } from "./quality_types.ts";
import type { ModelSpec } from "./spec.ts";
import type { WorkBudget } from "./budget.ts";

export interface Warning {
  /** Stable, kebab-case: `grids-differ`, `modality-mismatch`, … */
  readonly code: string;
  readonly detail: string;
}

/** A package that classifies single volumes by modality; see `isCheckingModel()`. */
export interface CheckingModel {
  readonly directory: string;
  readonly spec: ModelSpec;
}

/** How a modality that the spec asks for may be missing: not at all, or with the package's template in its place. */
export const MISSING_RULES = ["error", "template"] as const;
export type MissingRule = (typeof MISSING_RULES)[number];

export interface InferenceRequest {
  /** Folder of the model package: `network.onnx`, `templates/`. */
  readonly directory: string;
  readonly spec: ModelSpec;
  /** Volume files by modality. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** Default "error". */
  readonly missing?: MissingRule;
  /** Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget | undefined;
  /** Checks that each volume looks like the modality that it is named after. */
  readonly modalityCheck?: CheckingModel;
  /** Called when that check fails; the work continues without it. */
  readonly onCheckFailed?: (error: unknown) => void;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  /** Called with the number of windows done; it begins anew where the device had too little memory for a batch. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A label map, a 4-D uint8 file of regions, 4-D float32 probabilities, or one float32 volume of uncertainty, 0…1. */
export const OUTPUTS = ["labels", "regions", "probabilities", "uncertainty"] as const;
export type Output = (typeof OUTPUTS)[number];

export interface SegmentRequest extends InferenceRequest {
  readonly output: Output;
  /** The modality whose file's grid the mask is written on; default the first one given. */
  readonly reference?: Modality | undefined;
  /** Default "quick". */
  readonly quality?: QualityEffort | undefined;
  /** A volume file's name. */
  readonly outPath: string;
}

export interface SegmentResult {
  readonly provider: string;
  readonly labels: readonly { name: string; value: number; voxels: number; volumeMl: number }[];
  readonly windows: number;
  readonly timingsMs: { read: number; preprocess: number; infer: number; restore: number; write: number };
  /** The most memory held while it was made: `peakOfWork()`. */
  readonly peakBytes: number;
  readonly warnings: readonly Warning[];
  /** Absent in results that were stored before it existed. */
  readonly quality?: CaseQuality | undefined;
}

/** One class of them holds and their probabilities add up to 1; each may hold; or they are values, no probabilities. */
export const CLASS_KINDS = ["exclusive", "independent", "values"] as const;
export type ClassKind = (typeof CLASS_KINDS)[number];

export interface ClassifyResult {
  readonly provider: string;
  /** Absent in results that were stored before it existed: `exclusive`. */
  readonly kind?: ClassKind;
  /** Empty for values. */
  readonly classes: readonly { label: string; probability: number }[];
  /** Of a regression; the unit is null where the package states none. */
  readonly values?: readonly { label: string; value: number; unit: string | null }[];
  readonly timingsMs: { read: number; preprocess: number; infer: number };
  readonly warnings: readonly Warning[];
}

/** Stable codes of faults in a request's volumes, or in the network's answer to them. */
export type InferenceErrorCode =
  | "missing-modality"
  | "unknown-modality"
  | "no-position"
  | "no-overlap"
  | "invalid-volume"
  | "template-missing"
  | "invalid-output"
  | "too-much-work"
  | "cancelled";

/** The volumes of a request cannot be used; the message names modality and reason, never a file name. */
export class InferenceError extends Error {
  override readonly name = "InferenceError";
  constructor(readonly code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
