/**
 * Every warning that a result may come with, by its stable code: the one list that the OpenAPI document, the documents
 * and the order of printing derive from.
 */
import type { Warning } from "../types.ts";
import { CASE_CHECKS } from "./case_checks.ts";
import type { WarningRecord } from "./check.ts";
import { RESULT_CHECKS } from "./result_checks.ts";
import { VOLUME_CHECKS } from "./volume_checks.ts";

/** Warnings of the steps themselves, and of the device that ran the network. */
const STEP_WARNINGS = {
  "non-finite": { when: "A volume has voxels that are NaN or infinite; they are read as 0.", weight: "noted" },
  "resampled-to-first": { when: "A volume was resampled onto the grid of the first one.", weight: "noted" },
  "template-substituted": { when: "The model's template stands in for a modality that is missing.", weight: "loud" },
  "modality-mismatch": { when: "A volume looks like another modality than the one it was given as.", weight: "loud" },
  "fell-back": { when: "A provider could not do the work; the next one did it.", weight: "noted" },
} as const satisfies Readonly<Record<string, WarningRecord>>;

export const WARNINGS: Readonly<Record<string, WarningRecord>> = {
  ...VOLUME_CHECKS,
  ...CASE_CHECKS,
  ...RESULT_CHECKS,
  ...STEP_WARNINGS,
};

/** The warnings that a result is probably wrong by come first; others keep their order. */
export function loudFirst(warnings: readonly Warning[]): Warning[] {
  const isLoud = ({ code }: Warning) => WARNINGS[code]?.weight === "loud";
  return [...warnings.filter(isLoud), ...warnings.filter((w) => !isLoud(w))];
}
