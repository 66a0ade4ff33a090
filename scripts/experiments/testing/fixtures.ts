/** Small records, and runs that compute nothing, for tests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "../runs/runs.ts";
import type { ExperimentRecord, Metric, Row } from "../types.ts";

export const DICE: Metric = { key: "dice", name: "Dice", better: "higher", digits: 3 };
export const HD95: Metric = { key: "hd95Mm", name: "HD95, mm", better: "lower", digits: 1 };

/** `[variant, at, seed, dice, hd95]` */
export type Line = readonly [string, string, number, number | null, number | null];

export function recordOf(lines: readonly Line[], changes: Partial<ExperimentRecord> = {}): ExperimentRecord {
  return {
    name: "pretraining-parts",
    title: "Parts & pieces",
    notes: ["A note."],
    settings: {},
    metrics: [DICE, HD95],
    baseline: "scratch",
    chart: { kind: "bars" },
    machines: [{ cpu: "abacus", cores: 2, provider: "cpu", threads: 1 }],
    planned: lines.length,
    seconds: 600,
    preparations: [],
    rows: lines.map(([variant, at, seed, dice, hd95Mm]): Row => ({
      variant,
      at,
      seed,
      values: { dice, hd95Mm },
      seconds: 60,
      details: {},
    })),
    ...changes,
  };
}

/** A run that answers `result` and writes down that it ran. */
export function fakeRun(
  name: string,
  { result = {}, needs = [], keepsOutput = false, done }: {
    result?: unknown;
    needs?: readonly Run[];
    keepsOutput?: boolean;
    done: string[];
  },
): Run {
  return {
    kind: "fake",
    title: name,
    settings: { name },
    needs,
    keepsOutput,
    execute: () => {
      done.push(name);
      return Promise.resolve(result);
    },
  };
}

export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "sulcus-experiment-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
