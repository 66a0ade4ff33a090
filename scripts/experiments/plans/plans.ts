/** The experiments by name, and the settings that decide their runs. */
import { join } from "node:path";
import type { Triple } from "../../../src/volume/mod.ts";
import { labelEfficiency } from "./label_efficiency.ts";
import { modalityClassifier } from "./modality_classifier.ts";
import { msLesion } from "./ms_lesion.ts";
import { PHANTOM_TASK, type PhantomTask, SMOKE_PHANTOM_TASK } from "./phantom_task.ts";
import { pretrainingParts } from "./pretraining_parts.ts";
import type { Plan } from "../types.ts";

/** In the order of the page about them. */
export const PLAN_NAMES = ["pretraining-parts", "label-efficiency", "ms-lesion", "modality-classifier"] as const;
export type PlanName = (typeof PLAN_NAMES)[number];

/** Plain JSON: the process of a run makes its plan again from these. */
export interface PlanOptions {
  readonly seeds: readonly number[];
  /** Package of the pre-trained encoder of the real tasks. */
  readonly base: string;
  /** Folder with the folders `ms` and `ms-longitudinal`. */
  readonly data: string;
  /** A tiny network and a few updates: everything runs, nothing is learnt. */
  readonly smoke: boolean;
  /** Updates of each fine-tune and of each pre-training; default: the experiment's own. */
  readonly steps?: number;
  readonly pretrainingSteps?: number;
}

/** @throws a base or data that cannot be read, where the experiment uses them */
export async function planOf(name: PlanName, options: PlanOptions): Promise<Plan> {
  const { seeds, base, data, smoke } = options;
  const preset = smoke ? SMOKE_PHANTOM_TASK : PHANTOM_TASK;
  const { steps, pretrainingSteps } = options;
  const task: PhantomTask = {
    ...preset,
    steps: steps ?? preset.steps,
    pretrainingSteps: pretrainingSteps ?? preset.pretrainingSteps,
  };
  const roi: Triple = smoke ? [32, 32, 32] : [48, 48, 48];
  switch (name) {
    case "pretraining-parts":
      return pretrainingParts({ seeds, task });
    case "label-efficiency":
      return labelEfficiency({ seeds, task });
    case "ms-lesion":
      return await msLesion({ seeds, base, data: join(data, "ms"), steps: steps ?? (smoke ? 2 : 200), roi });
    case "modality-classifier":
      return await modalityClassifier({
        seeds,
        base,
        data: ["ms", "ms-longitudinal"].map((name) => join(data, name)),
        steps: steps ?? (smoke ? 2 : 200),
        phantoms: smoke ? 1 : 8,
        roi,
      });
  }
}
