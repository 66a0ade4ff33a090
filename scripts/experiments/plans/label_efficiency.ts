/** How many labelled patients a pre-trained network needs (the paper's Fig. 3), on phantoms. */
import { LESION_METRICS, lesionValues } from "../work/finetuning.ts";
import { FULL, PhantomRuns, SCRATCH, taskNotes } from "./phantom_task.ts";
import type { PhantomPlanOptions } from "./pretraining_parts.ts";
import type { Plan } from "../types.ts";

const SHARES = [20, 40, 60, 80, 100] as const;

export function labelEfficiency({ seeds, task }: PhantomPlanOptions): Plan {
  const runs = new PhantomRuns(task);
  const { labelled, test } = task.patients;
  const countOf = (share: number) => Math.max(1, Math.round(labelled * share / 100));
  return {
    name: "label-efficiency",
    title: "Share of the labelled patients",
    notes: [
      `From scratch against the whole pre-training (with templates) on ${SHARES.map(countOf).join(", ")} of the ` +
      `${labelled} labelled phantoms, ${task.steps} updates each; test: ${test} others.`,
      ...taskNotes(task),
    ],
    settings: { task, seeds, shares: SHARES },
    metrics: LESION_METRICS,
    baseline: SCRATCH.name,
    chart: { kind: "lines", xName: "labelled patients, %" },
    rows: seeds.flatMap((seed) =>
      SHARES.flatMap((share) =>
        [SCRATCH, FULL].map((variant) => ({
          variant: variant.name,
          at: String(share),
          seed,
          runs: [runs.finetuning(variant, { seed, labelled: countOf(share) })],
          combine: lesionValues,
        }))
      )
    ),
  };
}
