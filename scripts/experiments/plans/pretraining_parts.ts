/** The effect of each part of the pre-training (the paper's Table 4), on phantoms. */
import { LESION_METRICS, lesionValues } from "../work/finetuning.ts";
import { PhantomRuns, type PhantomTask, SCRATCH, taskNotes, type Variant, VARIANTS } from "./phantom_task.ts";
import type { Plan } from "../types.ts";

export interface PhantomPlanOptions {
  readonly seeds: readonly number[];
  readonly task: PhantomTask;
}

/** @param options.variants default: all of Table 4, and one more without templates in the fine-tune */
export function pretrainingParts(
  { seeds, task, variants = VARIANTS }: PhantomPlanOptions & { readonly variants?: readonly Variant[] },
): Plan {
  const runs = new PhantomRuns(task);
  const { unlabelled, labelled, test } = task.patients;
  return {
    name: "pretraining-parts",
    title: "Parts of the pre-training",
    notes: [
      "From scratch, then with cross-modal reconstruction (CMR), distillation into templates (MD) and contrast (MCL) " +
      `added one after the other. Pre-training: ${task.pretrainingSteps} updates on ${unlabelled} phantoms without ` +
      `labels; fine-tune: ${task.steps} updates on ${labelled} labelled phantoms; test: ${test} others.`,
      "Variants with MD fine-tune with the learnt templates; “(one view)” is the whole pre-training without " +
      "templates in the fine-tune.",
      ...taskNotes(task),
    ],
    settings: { task, seeds },
    metrics: LESION_METRICS,
    baseline: SCRATCH.name,
    chart: { kind: "bars" },
    rows: seeds.flatMap((seed) =>
      variants.map((variant) => ({
        variant: variant.name,
        at: "",
        seed,
        runs: [runs.finetuning(variant, { seed, labelled })],
        combine: lesionValues,
      }))
    ),
  };
}
