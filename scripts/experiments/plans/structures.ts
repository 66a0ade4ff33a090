/** Structures of simulated heads of any contrast: two anatomies are held out. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Label } from "../../../src/inference/mod.ts";
import { STRUCTURES } from "../../simulator/anatomy/classes.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { regionsOf } from "../work/scoring.ts";
import { simulatedCases, type Simulation } from "../work/simulated.ts";
import { comparison, segmentationWork } from "./comparison.ts";

const COLOURS = ["#e5484d", "#0090ff", "#30a46c", "#ffb224", "#8e4ec6", "#12a594", "#e93d82", "#978365"];
export const STRUCTURE_LABELS: readonly Label[] = STRUCTURES.map((name, i) => ({
  name,
  value: i + 1,
  colour: COLOURS[i % COLOURS.length],
}));

const ANATOMIES = Array.from({ length: 16 }, (_, i) => i + 1);
const SCORED = 8, TRAINED = 28;

/** Anatomies to train on, and the two that are held out: 15 and 16, or for fold K a pair before them. */
export function heldAnatomies(part: PlanOptions["part"]): { train: number[]; test: number[] } {
  const pair = part === "test" ? 0 : 1 + part.fold % 7;
  const test = [15 - 2 * pair, 16 - 2 * pair];
  const known = part === "test" ? ANATOMIES : ANATOMIES.slice(0, 14);
  return { train: known.filter((a) => !test.includes(a)), test };
}

export async function structures(options: PlanOptions): Promise<Plan> {
  const { data, labelled, part, smoke } = options;
  if (!existsSync(join(data, "anatomies"))) throw new RangeError("expected --data to hold anatomies, got none");
  const { train, test } = heldAnatomies(part);
  const common = { contrast: "random", modalities: ["t1"], labels: "structures" } as const;
  const simulate = (changes: Pick<Simulation, "anatomies" | "subjects" | "seed">, prefix: string) =>
    simulatedCases(data, { ...common, ...changes }, prefix);
  const held = simulate({ anatomies: test, subjects: smoke ? 1 : SCORED, seed: 2 }, "held");
  const asked = smoke ? [1] : labelled.length === 0 ? [TRAINED] : labelled.map((n) => n ?? TRAINED);
  return await comparison({
    name: `structures-${asked.join("-")}`,
    title: `Structures of simulated heads, ${asked.join(", ")} labelled`,
    notes: [
      `Heads simulated from the anatomies ${train.join(", ")}, every one with a contrast of its own; scored on ` +
      `${held.ids.length} heads of the anatomies ${
        test.join(" and ")
      }. ${STRUCTURE_LABELS.length} structures. The truth is the label ` +
      "map that the head was made from.",
    ],
    work: segmentationWork({ modalities: ["t1"], labels: STRUCTURE_LABELS, regions: regionsOf(STRUCTURE_LABELS) }),
    places: asked.map((subjects) => ({
      at: asked.length === 1 ? "" : String(subjects),
      splits: () => Promise.resolve([{ train: simulate({ anatomies: train, subjects, seed: 1 }, "made"), test: held }]),
    })),
    xName: asked.length === 1 ? null : "labelled heads",
  }, options);
}
