/** Time, updates and memory of trainings, the same for every task. */
import { nanMean } from "../../../src/metrics/mod.ts";
import type { Metric, Values } from "../types.ts";

export interface Cost {
  /** Of the training as a whole: preparation, folds, updates, scores of its own. */
  readonly trainSeconds: number;
  /** Of the network that is scored. */
  readonly updates: number;
  readonly peakBytes: number;
}

export const COSTS: readonly Metric[] = [
  { key: "trainSeconds", name: "training, s", better: "neither", digits: 0 },
  { key: "updates", name: "updates", better: "neither", digits: 0 },
  { key: "peakGb", name: "peak memory, GB", better: "neither", digits: 2 },
];

/** Means over the trainings of a row; of memory the most. */
export function costsOf(costs: readonly Cost[]): Values {
  return {
    trainSeconds: nanMean(costs.map((c) => c.trainSeconds)),
    updates: nanMean(costs.map((c) => c.updates)),
    peakGb: Math.max(...costs.map((c) => c.peakBytes)) / 1e9,
  };
}
