/** Small records, and runs that compute nothing, for tests. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeVolume } from "../../../src/volume/mod.ts";
import type { PlanOptions } from "../options.ts";
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

/** Options of a plan that trains for two updates. */
export function optionsOf(changes: Partial<PlanOptions> = {}): PlanOptions {
  return {
    seeds: [0],
    variants: ["scratch"],
    labelled: [],
    budget: { updates: 2 },
    part: { fold: 0 },
    curve: false,
    base: "models/brainmvp-edge/2",
    data: "",
    pretraining: { updates: 2, simulated: 1 },
    python: "python3",
    smoke: false,
    ...changes,
  };
}

/** Two boxes in noise for each number, as the shared hippocampi lie. */
export async function writeHippocampi(data: string, numbers: readonly number[]): Promise<void> {
  const sizeVox = [24, 24, 20] as const;
  const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  for (const part of ["images", "labels"]) await mkdir(join(data, "hippocampus", part), { recursive: true });
  for (const number of numbers) {
    const label = Uint8Array.from({ length: 24 * 24 * 20 }, (_, i) => {
      const x = Math.floor(i / 480), y = Math.floor(i / 20) % 24;
      return x < 8 || x > 15 ? 0 : y < 8 || y > 16 ? 0 : y < 12 ? 1 : 2;
    });
    const image = Float32Array.from(label, (v, i) => 100 + 40 * v + ((i * (7919 + number)) % 17));
    const file = `hippocampus_${String(number).padStart(3, "0")}.nii.gz`;
    const grid = { sizeVox, affineRas };
    await writeVolume(join(data, "hippocampus", "images", file), { data: image, grid });
    await writeVolume(join(data, "hippocampus", "labels", file), { data: label, grid });
  }
}
