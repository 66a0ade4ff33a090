/** Data sets as users see them: plain data, dates as ISO 8601 strings. */
import type { Label, Modality } from "../inference/mod.ts";
import type { FinetuneRequest } from "../train/mod.ts";

export type DatasetTask = FinetuneRequest["task"];

/** A region of a data set: `values` of the label maps belong to it. Regions may overlap. */
export interface DatasetLabel {
  readonly name: string;
  readonly values: readonly number[];
  /** Value in written masks; default: one that no later label has. */
  readonly value?: number;
  /** CSS hex colour; default from a palette. */
  readonly colour?: string;
}

/** What a data set is made from (`POST /v1/datasets`). */
export interface DatasetSpec {
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** Segmentation, in priority order (later ones are written over earlier ones). */
  readonly labels?: readonly DatasetLabel[];
  /** Classification. */
  readonly classes?: readonly string[];
}

export interface DatasetSummary {
  readonly id: string;
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** As {@link labelsOf} filled them in: written value, colour. */
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  readonly createdAt: string;
  readonly caseCount: number;
}

export type CheckCode =
  | "missing-modality"
  | "missing-label"
  | "missing-class"
  /** A modality or the label does not overlap the case's first modality in space. */
  | "no-overlap"
  /** A modality or the label is not on the grid of the case's first modality and is resampled: a warning. */
  | "grids-differ"
  /** The label map holds values that are no whole numbers or belong to no label. */
  | "label-out-of-range"
  /** No voxel belongs to any label: a warning, and an error when it is so in every case. */
  | "label-empty"
  /** An image holds NaN or infinity, which are read as 0: a warning. */
  | "non-finite";

/** What is wrong with a case, or doubtful about it. */
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
  readonly modalities: readonly Modality[];
  readonly hasLabel: boolean;
  readonly class?: string;
}

export interface DatasetDetail extends DatasetSummary {
  readonly cases: readonly DatasetCase[];
  readonly checks: readonly CaseCheck[];
  /** sha256 over every case's files and class; the same data give the same hash. */
  readonly hash: string;
  /** No check is an error and there is a case. */
  readonly ready: boolean;
}

export const DATASET_LAYOUTS = ["nnunet", "brats", "sulcus"] as const;
export type DatasetLayout = (typeof DATASET_LAYOUTS)[number];

export interface ImportedDataset {
  readonly dataset: DatasetDetail;
  readonly layout: DatasetLayout;
  /** Files of the archive that no rule of the layout explains (their number, not their names). */
  readonly ignoredFiles: number;
}
