/** The cases of a stored data set as trainings take them, or the reason why they cannot. */
import { DomainError } from "../../storage/mod.ts";
import { ANY_MODALITY } from "../../inference/mod.ts";
import type { LeftOut, PretrainingCase, TrainingCase } from "../../train/mod.ts";
import { trainingCaseOf } from "../checks/checks.ts";
import type { DatasetDetail } from "../types.ts";
import type { ReadDataset } from "./read.ts";

export interface TrainingCases {
  /** Of these cases alone. */
  readonly detail: DatasetDetail;
  readonly cases: TrainingCase[];
  readonly leftOut: readonly LeftOut[];
}

export interface PretrainingCases {
  readonly detail: DatasetDetail;
  readonly cases: PretrainingCase[];
}

/** @throws {DomainError} `incomplete-dataset` */
export function trainingCasesOf({ detail, cases, leftOut }: ReadDataset): TrainingCases {
  if (!detail.ready) {
    const errors = detail.checks.filter((c) => c.severity === "error");
    const why = errors.length === 0
      ? (leftOut.length === 0
        ? "it has no cases"
        : `all of its ${leftOut.length} cases are left out: ${shownReason(leftOut[0], detail)}`)
      : `${errors.length} checks failed, the first: ${errors[0].detail}. Replace or exclude such a case, or ask to ` +
        "leave out cases with errors";
    throw new DomainError("incomplete-dataset", `Cannot train on the data set: ${why}`);
  }
  return { detail, cases: cases.map(trainingCaseOf), leftOut };
}

/** All that have an image, with or without labels. @throws {DomainError} `incomplete-dataset` */
export function pretrainingCasesOf({ detail, cases }: ReadDataset): PretrainingCases {
  if (detail.modalities.includes(ANY_MODALITY)) {
    throw new DomainError(
      "incomplete-dataset",
      "Cannot pre-train on the data set: it does not say of which modality its images are",
    );
  }
  const found = cases.map(trainingCaseOf).filter(({ images }) => Object.keys(images).length > 0)
    .map(({ id, images }): PretrainingCase => ({ id, images }));
  if (found.length === 0) {
    throw new DomainError("incomplete-dataset", "Cannot pre-train on the data set: no case has an image");
  }
  return { detail, cases: found };
}

/** Why a case is left out. Whoever excluded one said why in their own words, which may name a patient. */
function shownReason({ case: name, reason }: LeftOut, { cases }: Pick<DatasetDetail, "cases">): string {
  const isExcluded = cases.some((one) => one.case === name && one.excluded !== undefined);
  return isExcluded ? "the first is excluded" : reason;
}
