/** Quality scores against the true Dice on patients whom the training did not see, undamaged and damaged in many ways. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DAMAGES } from "../../quality/damages.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { casesOf, labelledOf } from "../work/cases.ts";
import { regionsOf } from "../work/scoring.ts";
import { simulatedCases, type Simulation } from "../work/simulated.ts";
import { comparison, qualityWork } from "./comparison.ts";
import { hippocampi, HIPPOCAMPUS_LABELS, hippocampusSplit } from "./hippocampus.ts";
import { heldAnatomies, STRUCTURE_LABELS } from "./structures.ts";

/** Patients that are damaged: each of them in every way. */
const HIPPOCAMPI = 15, HEADS = 4;
const TRAINED = { hippocampi: 32, heads: 28 };

const WAYS = Object.keys(DAMAGES).length - 1;
const answered = (count: number, what: string) =>
  `${count} ${what} that were not trained on, undamaged and damaged in ${WAYS} ways (scripts/quality/damages.ts). r is Pearson's, ` +
  "over all answers. An image is harmed where its Dice is 0.1 below that of the undamaged one.";

export async function hippocampusQuality(options: PlanOptions): Promise<Plan> {
  const { train, test } = hippocampusSplit(await hippocampi(options.data), options);
  const [count = TRAINED.hippocampi] = options.labelled, scored = test.slice(0, HIPPOCAMPI);
  const held = await casesOf(scored);
  return await comparison({
    name: `hippocampus-quality-${count ?? "all"}`,
    title: "Quality of answers on damaged hippocampi",
    notes: [answered(scored.length, "patients")],
    work: qualityWork({ modalities: ["t1"], labels: HIPPOCAMPUS_LABELS, regions: regionsOf(HIPPOCAMPUS_LABELS) }),
    places: [{
      at: "",
      splits: async (seed) => [{
        train: await casesOf(labelledOf(train, { count: options.smoke ? null : count, seed })),
        test: held,
      }],
    }],
    xName: null,
  }, options);
}

export async function structuresQuality(options: PlanOptions): Promise<Plan> {
  const { data, labelled, part, smoke } = options;
  if (!existsSync(join(data, "anatomies"))) throw new RangeError("expected --data to hold anatomies, got none");
  const { train, test } = heldAnatomies(part);
  const common = { contrast: "real", modalities: ["t1"], labels: "structures" } as const;
  const simulate = (changes: Pick<Simulation, "anatomies" | "subjects" | "seed">, prefix: string) =>
    simulatedCases(data, { ...common, ...changes }, prefix);
  const held = simulate({ anatomies: test, subjects: smoke ? 1 : HEADS, seed: 6 }, "held");
  const subjects = smoke ? 2 : labelled[0] ?? TRAINED.heads;
  const made = simulate({ anatomies: train, subjects, seed: 5 }, "made");
  return await comparison({
    name: `structures-quality-${subjects}`,
    title: "Quality of answers on damaged simulated heads",
    notes: [
      answered(held.ids.length, `heads of the anatomies ${test.join(" and ")}`),
      `${subjects} T1 heads were simulated from the anatomies ${train.join(", ")} to train on.`,
    ],
    work: qualityWork({ modalities: ["t1"], labels: STRUCTURE_LABELS, regions: regionsOf(STRUCTURE_LABELS) }),
    places: [{ at: "", splits: () => Promise.resolve([{ train: made, test: held }]) }],
    xName: null,
  }, options);
}
