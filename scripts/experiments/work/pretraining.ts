/** Pre-trainings of an experiment's own, on volumes without labels: real ones and simulated heads. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MODALITIES } from "../../../src/inference/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { PlanOptions } from "../options.ts";
import type { Run } from "../runs/runs.ts";
import { type Cases, casesOf, joined } from "./cases.ts";
import { pretrainingRun } from "./encoders.ts";
import { simulatedCases } from "./simulated.ts";
import type { Parts } from "./variants.ts";

const SIMULATED = ["t1", "t1c", "t2", "flair"] as const;

/** The volumes of `ms-longitudinal`, whose patients no plan scores segmentations on, and heads of anatomies 1 to 14. */
export async function unlabelledCases({ data, pretraining: { simulated } }: PlanOptions): Promise<Cases> {
  const folder = join(data, "ms-longitudinal");
  const studies = existsSync(folder) ? (await readdir(folder)).sort() : [];
  const real = studies.flatMap((study): TrainingCase[] => {
    const path = (m: string) => resolve(folder, study, `${m}.nii.gz`);
    const images = Object.fromEntries(MODALITIES.filter((m) => existsSync(path(m))).map((m) => [m, path(m)]));
    return Object.keys(images).length === 0 ? [] : [{ id: study, patient: study, images }];
  });
  const anatomies = Array.from({ length: 14 }, (_, i) => i + 1);
  const common = { contrast: "real", modalities: SIMULATED, labels: "none" } as const;
  return joined(
    await casesOf(real),
    simulatedCases(data, { ...common, anatomies, subjects: simulated, seed: 5 }, "made"),
  );
}

/** The pre-training with these parts of its loss; fewer parts have weight 0 in the same updates. */
export function partsRun(parts: Parts, cases: Cases, { seed, updates }: { seed: number; updates: number }): Run {
  const { cmr, md, contrast } = parts;
  return pretrainingRun({
    title: `pre-training of CMR ${cmr}, MD ${md}, MCL ${contrast}, seed ${seed}`,
    cases,
    recipe: { preset: "edge", steps: updates, seed, weights: { cmr, md, contrast } },
  });
}
