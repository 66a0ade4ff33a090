/** Reads a folder in one of the data-set layouts where it lies. Copies and records nothing. */
import { DomainError } from "../registry/mod.ts";
import type { Label, Modality } from "../inference/spec.ts";
import type { TrainingCase } from "../train/types.ts";
import type { CaseCheck, DatasetLayout, DatasetTask } from "./types.ts";

export interface DatasetFolder {
  readonly name: string;
  readonly layout: DatasetLayout;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  readonly cases: readonly TrainingCase[];
  readonly checks: readonly CaseCheck[];
  readonly hash: string;
  readonly ignoredFiles: number;
}

/** @throws {DomainError} `invalid-dataset` */
export function readDatasetFolder(_directory: string): Promise<DatasetFolder> {
  throw new DomainError("internal", "Cannot do this yet");
}
