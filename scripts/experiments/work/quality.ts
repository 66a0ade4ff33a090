/** How far a network's quality scores follow the true Dice: test patients as they are and damaged in many ways. */
import { type Answer, answers } from "../../quality/answers.ts";
import { DAMAGES } from "../../quality/damages.ts";
import { summaryOf } from "../../quality/summary.ts";
import type { Run } from "../runs/runs.ts";
import type { Metric, Row } from "../types.ts";
import { type Cost, COSTS, costsOf } from "./costs.ts";
import { finetuningRun, type FinetuningRunOptions } from "./finetuning.ts";
import type { SegmentationTask } from "./scoring.ts";

export const QUALITY_METRICS: readonly Metric[] = [
  { key: "correlation", name: "r of score and Dice", better: "higher", digits: 3 },
  { key: "expectedError", name: "error of the expected Dice", better: "lower", digits: 3 },
  { key: "inInterval", name: "Dice in the interval of 0.80", better: "neither", digits: 2 },
  { key: "warnedOrdinary", name: "undamaged warned of", better: "lower", digits: 2 },
  { key: "warnedHarmed", name: "harmed warned of", better: "higher", digits: 2 },
  { key: "dice", name: "Dice undamaged", better: "higher", digits: 3 },
  ...COSTS,
];

/** What a quality run answers. */
export interface QualityResult {
  readonly provider: string;
  readonly cost: Cost;
  readonly recipe?: unknown;
  readonly answers: readonly Omit<Answer, "facts">[];
}

/** A network that answers its test patients undamaged and with every damage. */
export function qualityRun(options: FinetuningRunOptions, { modalities, labels }: SegmentationTask): Run {
  const request = { task: "segmentation", modalities, labels, classes: [] } as const;
  return finetuningRun("quality", options, request, async (engine, { spec, directory, folder, test }) => {
    const found: QualityResult["answers"][number][] = [];
    const cases = test.map(({ id, images, label }) => ({ name: id, images, label: label! }));
    const damages = Object.keys(DAMAGES), { seed } = options;
    for await (
      const { facts: _, ...answer } of answers({
        engine,
        directory,
        spec,
        cases,
        damages,
        quality: "quick",
        seed,
        folder,
      })
    ) found.push(answer);
    return { answers: found };
  });
}

/** A damage that takes this much of a patient's Dice has harmed the answer. */
const HARM = 0.1;

const isWarned = ({ warnings }: Pick<Answer, "warnings">) => warnings.some((code) => code.endsWith("-unlike-training"));

/** All answers of a row's runs together. */
export function qualityRow(results: readonly unknown[]): Pick<Row, "values" | "details"> {
  const runs = results as readonly QualityResult[], all = runs.flatMap((r) => r.answers);
  const summary = summaryOf(all);
  const ordinary = all.filter(({ damage }) => damage === "none");
  const whole = new Map(ordinary.map((a) => [a.case, a.dice]));
  const harmed = all.filter((a) => a.damage !== "none" && a.dice < whole.get(a.case)! - HARM);
  const share = (own: readonly (typeof all)[number][]) =>
    own.length === 0 ? null : own.filter(isWarned).length / own.length;
  const finite = (v: number) => Number.isFinite(v) ? v : null;
  return {
    values: {
      correlation: finite(summary.correlation),
      expectedError: summary.expectedError,
      inInterval: summary.inInterval,
      warnedOrdinary: share(ordinary),
      warnedHarmed: share(harmed),
      dice: finite(ordinary.reduce((n, a) => n + a.dice, 0) / ordinary.length),
      ...costsOf(runs.map((r) => r.cost)),
    },
    details: { ...summary, recipes: runs.map((r) => r.recipe ?? null), answers: all },
  };
}
