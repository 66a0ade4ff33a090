/** Anterior and posterior hippocampus from T1, with few to many labelled patients. */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Label } from "../../../src/inference/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { casesOf, labelledOf, type Split, splitBy } from "../work/cases.ts";
import { regionsOf } from "../work/scoring.ts";
import { comparison, segmentationWork } from "./comparison.ts";

export const HIPPOCAMPUS_LABELS: readonly Label[] = [
  { name: "anterior", value: 1, colour: "#e5484d" },
  { name: "posterior", value: 2, colour: "#0090ff" },
];

/** Patients with a number ≡ 1 mod 5 are the test part. */
export const isHippocampusTest = ({ id }: Pick<TrainingCase, "id">) => Number(/\d+/.exec(id)![0]) % 5 === 1;

/** Every hippocampus of `<data>/hippocampus`, in order. */
export async function hippocampi(data: string): Promise<TrainingCase[]> {
  const path = (part: string, file: string) => resolve(join(data, "hippocampus", part, file));
  const files = (await readdir(join(data, "hippocampus", "images"))).filter((f) => f.endsWith(".nii.gz")).sort();
  return files.map((file) => {
    const id = file.replace(".nii.gz", "");
    return { id, patient: id, images: { t1: path("images", file) }, label: path("labels", file) };
  });
}

/** The patients to label and to score. Smoke: two of each. */
export function hippocampusSplit(all: readonly TrainingCase[], { part, smoke }: PlanOptions): Split {
  const split = splitBy(all, { isTest: isHippocampusTest, part });
  return smoke ? { train: split.train.slice(0, 2), test: split.test.slice(0, 2) } : split;
}

export async function hippocampus(options: PlanOptions): Promise<Plan> {
  const { train, test } = hippocampusSplit(await hippocampi(options.data), options);
  const asked = options.labelled.length === 0 || options.smoke ? [null] : options.labelled;
  const held = await casesOf(test);
  const name = asked.map((count) => count ?? "all").join("-");
  return await comparison({
    name: `hippocampus-${name}`,
    title: `Hippocampus, ${name.replaceAll("-", ", ")} labelled`,
    notes: [
      `Medical Segmentation Decathlon, task 4: crops of T1 around one hippocampus. ${train.length} patients to label, ` +
      `${test.length} to score.`,
    ],
    work: segmentationWork({ modalities: ["t1"], labels: HIPPOCAMPUS_LABELS, regions: regionsOf(HIPPOCAMPUS_LABELS) }),
    places: asked.map((count) => ({
      at: asked.length === 1 ? "" : String(count ?? train.length),
      splits: async (seed) => [{ train: await casesOf(labelledOf(train, { count, seed })), test: held }],
    })),
    xName: asked.length === 1 ? null : "labelled patients",
  }, options);
}
