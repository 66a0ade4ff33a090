/** Data sets as users see them: plain data, dates as ISO 8601 strings. Their schemas stand in `spec.ts`. */
import { DATASET_WARNINGS, type Label, type Modality } from "../inference/mod.ts";
import type { FinetuneRequest, PatientCounts } from "../train/mod.ts";

export type DatasetTask = FinetuneRequest["task"];

/** A file of a case: one of its images, or its label map. */
export type Role = Modality | "label";

/** A region of a data set: `values` of the label maps belong to it. Regions may overlap. */
export interface DatasetLabel {
  readonly name: string;
  readonly values: readonly number[];
  /** Value in written masks; default: one that no later label has. */
  readonly value?: number;
  /** CSS hex colour; default from a palette. */
  readonly colour?: string;
}

/** A data set to be made (`POST /v1/datasets`). */
export interface DatasetSpec {
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** Segmentation, in priority order (later ones are written over earlier ones). */
  readonly labels?: readonly DatasetLabel[];
  /** Classification. */
  readonly classes?: readonly string[];
}

/** How a case's patient was found: somebody named it, a rule gave it, or the case's name points to it. */
export const PATIENT_SOURCES = ["named", "rule", "case-name"] as const;
export type PatientSource = (typeof PATIENT_SOURCES)[number];

/** Cases that a training leaves out: those whose checks fail, or those of these names. */
export type Skip = "errors" | readonly string[];

/** Changes of one case; what is absent stays. */
export interface CaseChange {
  readonly case: string;
  /** null: the case's name tells again. */
  readonly patient?: string | null;
  readonly class?: string;
  /** Why trainings leave it out; null: they take it. */
  readonly excluded?: string | null;
  /** Removes the case with its files. */
  readonly delete?: true;
}

export interface DatasetSummary {
  readonly id: string;
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** With the written values and colours that `labelsOf()` filled in. */
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  readonly createdAt: string;
  readonly caseCount: number;
}

export const CHECK_CODES: readonly string[] = [
  "missing-modality",
  "missing-label",
  "missing-class",
  /** A modality or the label does not overlap the case's first modality in space. */
  "no-overlap",
  /** A modality or the label is not on the grid of the case's first modality and is resampled: a warning. */
  "grids-differ",
  /** The label map holds values that are no whole numbers or belong to no label. */
  "label-out-of-range",
  /** No voxel belongs to any label: a warning, and an error when it is so in every case. */
  "label-empty",
  /** An image holds NaN or infinity, which are read as 0: a warning. */
  "non-finite",
  /** A file says no position: an error where others of its case do, and none has its form; else a warning. */
  "no-position",
  "position-assumed",
  /** Doubts about headers, images and label maps, of a case and among the cases, see docs/inputs.md. */
  ...Object.keys(DATASET_WARNINGS),
];
export type CheckCode = string;

/** A fault of a case, or a doubt about it. */
export interface CaseCheck {
  readonly case: string;
  readonly code: CheckCode;
  /** An error keeps the data set from being trained on. */
  readonly severity: "error" | "warning";
  readonly detail: string;
}

export interface DatasetCase {
  readonly case: string;
  readonly patient: string;
  readonly patientFrom: PatientSource;
  /** Why trainings leave it out; absent: they do not. */
  readonly excluded?: string;
  readonly modalities: readonly Modality[];
  readonly hasLabel: boolean;
  readonly class?: string;
}

export interface DatasetDetail extends DatasetSummary {
  readonly cases: readonly DatasetCase[];
  /** Of the cases that trainings take. */
  readonly patients: PatientCounts;
  /** Of the cases that trainings take. */
  readonly checks: readonly CaseCheck[];
  /** sha256 over the files, patient and class of every case that trainings take; the same data give the same hash. */
  readonly hash: string;
  /** No check is an error, and there is a case that trainings take. */
  readonly ready: boolean;
}
