/**
 * Every warning that a result or a data set may come with, by its stable code: the one list that the OpenAPI document,
 * the documents and the order of printing derive from.
 */
import type { Warning } from "../types.ts";
import { CASE_CHECKS } from "./case_checks.ts";
import type { WarningRecord } from "./check.ts";
import { DATASET_CHECKS } from "./dataset_checks.ts";
import { LABEL_CHECKS } from "./label_checks.ts";
import { RESULT_CHECKS } from "./result_checks.ts";
import { TRAINING_CHECKS } from "./training_checks.ts";
import { VOLUME_CHECKS } from "./volume_checks.ts";

/** Doubts that the readers of `volume/formats/` leave about a header. */
const HEADER_DOUBTS = {
  "forms-differ": {
    when: "A file's sform and qform place it differently, perhaps mirrored; the sform is used.",
    weight: "loud",
  },
  "units-doubtful": { when: "A file's unit of length makes voxels that no brain scan has.", weight: "loud" },
  "sform-unusable": { when: "A file's sform is no affine; its qform is used, or it has no position.", weight: "loud" },
  "pixdim-doubtful": { when: "A file gives voxel sizes that are no sizes; 1 is read.", weight: "loud" },
  "pixdim-differs": { when: "A file's voxel sizes differ from those of its sform, which is used.", weight: "noted" },
  "quaternion-doubtful": { when: "The quaternion of a file's qform is too long.", weight: "noted" },
  "qfac-doubtful": { when: "A file's qfac is neither 1 nor −1.", weight: "noted" },
  "dimensions-doubtful": { when: "A file gives a number of voxels that is none; 1 is read.", weight: "noted" },
  "sheared": { when: "A file's axes are more than 1° off right angles.", weight: "noted" },
} as const satisfies Readonly<Record<string, WarningRecord>>;

/** Warnings of the steps themselves, and of the device that ran the network. */
const STEP_WARNINGS = {
  "non-finite": { when: "A volume has voxels that are NaN or infinite; they are read as 0.", weight: "noted" },
  "grids-differ": {
    when: "A volume lies on another grid than the first one; each is resampled once.",
    weight: "noted",
  },
  "position-assumed": {
    when: "A file says no position, and is laid on another one of the same size and voxel size.",
    weight: "loud",
  },
  "no-position": {
    when: "No file says a position; their axes are taken for right, anterior, superior.",
    weight: "loud",
  },
  "template-substituted": { when: "The model's template stands in for a modality that is missing.", weight: "loud" },
  "modality-mismatch": { when: "A volume looks like another modality than the one it was given as.", weight: "loud" },
  "activation-doubtful": {
    when: "A network's output looks like probabilities, and its package says that it holds logits.",
    weight: "loud",
  },
  "precision-refused": {
    when: "At reduced precision a network's masks differ from those of float32, which was used.",
    weight: "noted",
  },
  "fell-back": { when: "A provider could not do the work; the next one did it.", weight: "noted" },
} as const satisfies Readonly<Record<string, WarningRecord>>;

/** Of trainings. */
const TRAINING_WARNINGS = {
  "sides-mirrored": {
    when:
      "A fine-tune mirrored its crops along an axis whose direction labels or classes name, such as left and right.",
    weight: "loud",
  },
  "worse-than-base": {
    when: "A fine-tune does worse on held-out patients than the base does as it is.",
    weight: "loud",
  },
  "no-better-than-nothing": {
    when:
      "A fine-tune finds next to nothing in held-out patients, of all labels or of one, or classifies no better than the most " +
      "frequent class; where nobody was held out, in the cases that it was trained on.",
    weight: "loud",
  },
} as const satisfies Readonly<Record<string, WarningRecord>>;

/** Of results. */
export const WARNINGS: Readonly<Record<string, WarningRecord>> = {
  ...VOLUME_CHECKS,
  ...CASE_CHECKS,
  ...RESULT_CHECKS,
  ...TRAINING_CHECKS,
  ...HEADER_DOUBTS,
  ...STEP_WARNINGS,
  ...TRAINING_WARNINGS,
};

/** The checks of data sets, by their codes; those of headers and images are the same as of results. */
export const DATASET_WARNINGS: Readonly<Record<string, WarningRecord>> = {
  ...VOLUME_CHECKS,
  ...CASE_CHECKS,
  ...LABEL_CHECKS,
  ...DATASET_CHECKS,
  ...HEADER_DOUBTS,
};

/** The warnings that a result is probably wrong by come first; others keep their order. */
export function loudFirst<W extends Pick<Warning, "code">>(warnings: readonly W[]): W[] {
  const isLoud = ({ code }: W) => (WARNINGS[code] ?? DATASET_WARNINGS[code])?.weight === "loud";
  return [...warnings.filter(isLoud), ...warnings.filter((w) => !isLoud(w))];
}
