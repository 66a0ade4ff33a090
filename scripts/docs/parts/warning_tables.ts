/** The tables of docs/inputs.md that list the codes of warnings. */
import { DATASET_WARNINGS, WARNINGS } from "../../../src/inference/mod.ts";
import { table } from "../region.ts";

type Records = typeof WARNINGS;

/** Of results, the loud ones first. */
export function resultWarnings(): string {
  return codes(WARNINGS);
}

/** Of data sets, but for those that results have too. */
export function datasetWarnings(): string {
  return codes(Object.fromEntries(Object.entries(DATASET_WARNINGS).filter(([code]) => !(code in WARNINGS))));
}

function codes(records: Records): string {
  const order = ["refused", "loud", "noted"] as const;
  const rows = order.flatMap((weight) =>
    Object.entries(records).filter(([, r]) => r.weight === weight).map(([code, r]) => [`\`${code}\``, weight, r.when])
  );
  return table(["code", "weight", "when"], rows);
}
