/** A clinical-style classification: how large the anterior part of a hippocampus is against the whole. */
import type { TrainingCase } from "../../../src/train/mod.ts";
import { labelMap, readVolume } from "../../../src/volume/mod.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { casesOf, labelledOf, type Split } from "../work/cases.ts";
import { classificationWork, comparison } from "./comparison.ts";
import { hippocampi, hippocampusSplit } from "./hippocampus.ts";

const CLASSES = ["small", "middle", "large"] as const;

/** The anterior label's share of the labelled voxels: the same however a crop is scaled. */
async function anteriorShare({ label }: TrainingCase): Promise<number> {
  const map = labelMap((await readVolume(label!)).data);
  let anterior = 0, all = 0;
  for (const value of map) {
    if (value === 1) anterior++;
    if (value !== 0) all++;
  }
  return anterior / all;
}

/** Limits between three classes of equal size. */
export function tercilesOf(values: readonly number[]): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[Math.ceil(sorted.length / 3)], sorted[Math.ceil(2 * sorted.length / 3)]];
}

export const tercile = (value: number, [low, high]: readonly [number, number]) =>
  CLASSES[value < low ? 0 : value < high ? 1 : 2];

export async function hippocampusClass(options: PlanOptions): Promise<Plan> {
  const all = await hippocampi(options.data), split = hippocampusSplit(all, options);
  const { train: whole } = hippocampusSplit(all, { ...options, smoke: false });
  const limits = tercilesOf(await Promise.all(whole.map(anteriorShare)));
  const named = async (cases: Split["train"]) =>
    await Promise.all(cases.map(async (c): Promise<TrainingCase> => {
      const { label: _, ...image } = c;
      return { ...image, className: tercile(await anteriorShare(c), limits) };
    }));
  const [train, held] = [await named(split.train), await casesOf(await named(split.test))];
  const asked = options.labelled.length === 0 ? [null] : options.labelled;
  const name = asked.map((count) => count ?? "all").join("-");
  return await comparison({
    name: `hippocampus-class-${name}`,
    title: `Anterior share of a hippocampus, ${name.replaceAll("-", ", ")} labelled`,
    notes: [
      `Small, middle or large: the anterior label's share of the hippocampus, in terciles of the ${whole.length} patients ` +
      `to train on (limits ${
        limits.map((l) => l.toFixed(3)).join(" and ")
      }); ${split.test.length} to score. The network ` +
      "sees the image alone. A third is right by chance.",
    ],
    work: classificationWork({ channel: "t1", classes: CLASSES }),
    places: asked.map((count) => ({
      at: asked.length === 1 ? "" : String(count ?? train.length),
      splits: async (seed) => [{ train: await casesOf(labelledOf(train, { count, seed })), test: held }],
    })),
    xName: asked.length === 1 ? null : "labelled patients",
  }, options);
}
