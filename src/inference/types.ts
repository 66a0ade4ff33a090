/** What `inference/` is asked and what it answers; the functions are `segment()` and `classify()` of `mod.ts`. */
import type { Engine } from "../engine/mod.ts";
import type { CheckingModel } from "./tasks/modality_check.ts";
import type { Modality } from "./modalities.ts";
import type { ModelSpec } from "./spec.ts";

export interface Warning {
  /** Stable, kebab-case: `resampled-to-first`, `modality-mismatch`, … */
  readonly code: string;
  readonly detail: string;
}

export interface InferenceRequest {
  /** Folder of the model package: `network.onnx`, `templates/`. */
  readonly directory: string;
  readonly spec: ModelSpec;
  /** NIfTI files by modality. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** What to do where the spec asks for a modality that is not there. Default "error". */
  readonly missing?: "error" | "template";
  /** A model that tells modalities apart: whether each volume looks like what it is called. */
  readonly modalityCheck?: CheckingModel;
  /** Told when that check fails; the work goes on without it. */
  readonly onCheckFailed?: (error: unknown) => void;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  /** Called with the windows that are done; anew from the first where the device had too little memory for a batch. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SegmentRequest extends InferenceRequest {
  /** What to write to `outPath`: a uint8 label map, a 4-D uint8 file of regions, or 4-D float32 probabilities. */
  readonly output: "labels" | "regions" | "probabilities";
  /** Written gzipped, on the grid of the first modality. */
  readonly outPath: string;
}

export interface SegmentResult {
  readonly provider: string;
  readonly labels: readonly { name: string; value: number; voxels: number; volumeMl: number }[];
  readonly windows: number;
  readonly timingsMs: { read: number; preprocess: number; infer: number; restore: number; write: number };
  readonly peakBytes: number;
  readonly warnings: readonly Warning[];
}

export interface ClassifyResult {
  readonly provider: string;
  readonly classes: readonly { label: string; probability: number }[];
  readonly timingsMs: { read: number; preprocess: number; infer: number };
  readonly warnings: readonly Warning[];
}

/** Stable codes of what is wrong with a request's volumes. */
export type InferenceErrorCode =
  | "missing-modality"
  | "unknown-modality"
  | "no-overlap"
  | "invalid-volume"
  | "template-missing"
  | "cancelled";

/** The volumes of a request cannot be used; the message names modality and reason, never a file name. */
export class InferenceError extends Error {
  override readonly name = "InferenceError";
  constructor(readonly code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
