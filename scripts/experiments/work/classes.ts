/** Scores of classifications: every test case of a row's runs together. */
import { accuracy, auc, macroF1 } from "../../../src/metrics/mod.ts";
import type { Metric, Row } from "../types.ts";
import { COSTS, costsOf } from "./costs.ts";
import type { ClassificationResult } from "./finetuning.ts";

export const CLASS_METRICS: readonly Metric[] = [
  { key: "accuracy", name: "ACC", better: "higher", digits: 3 },
  { key: "auc", name: "AUC", better: "higher", digits: 3 },
  { key: "macroF1", name: "macro F1", better: "higher", digits: 3 },
  ...COSTS,
];

/** A patient's accuracy is the share of its cases that are recognised. */
export function classificationRow(
  results: readonly unknown[],
  classes: readonly string[],
): Pick<Row, "values" | "patients" | "details"> {
  const runs = results as readonly ClassificationResult[];
  const cases = runs.flatMap((r) => r.cases);
  const actual = cases.map((c) => c.actual), probabilities = cases.map((c) => c.probabilities);
  const predicted = probabilities.map((p) => p.indexOf(Math.max(...p)));
  const area = auc(probabilities, actual);
  const byPatient = Map.groupBy(cases.keys(), (i) => cases[i].patient);
  return {
    values: {
      accuracy: accuracy(predicted, actual),
      auc: Number.isNaN(area) ? null : area,
      macroF1: macroF1(predicted, actual, classes.length),
      ...costsOf(runs.map((r) => r.cost)),
    },
    patients: [...byPatient].map(([id, own]) => ({
      id,
      values: { accuracy: own.filter((i) => predicted[i] === actual[i]).length / own.length },
    })),
    details: {
      classes,
      confusion: classes.map((_, a) =>
        classes.map((_, p) => cases.filter((c, i) => c.actual === a && predicted[i] === p).length)
      ),
      cases,
    },
  };
}
