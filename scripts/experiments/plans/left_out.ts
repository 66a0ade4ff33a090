/** Plans on few patients with several modalities: each is left out once, or one of them. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Label, Modality } from "../../../src/inference/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { casesOf, type Split } from "../work/cases.ts";
import { type Region, regionsOf } from "../work/scoring.ts";
import { comparison, type Place, segmentationWork } from "./comparison.ts";

interface LeftOut {
  readonly name: string;
  readonly title: string;
  readonly note: string;
  /** Folder below `data`, and its patients. */
  readonly folder: string;
  readonly ids: readonly string[];
  /** Patients that are left out and scored, one after the other. */
  readonly scored: readonly string[];
  readonly modalities: readonly Modality[];
  /** Name of the label's file. */
  readonly label: string;
  readonly labels: readonly Label[];
  readonly regions: readonly Region[];
}

const LESION: readonly Label[] = [{ name: "lesion", value: 1, colour: "#e5484d" }];
const MS = { folder: "ms", ids: ["patient07", "patient19", "patient26"], label: "lesion", labels: LESION } as const;
const FOUR: readonly Modality[] = ["t1", "t1c", "t2", "flair"];
const ms = (changes: Pick<LeftOut, "name" | "title" | "note" | "scored" | "modalities">): LeftOut => ({
  ...MS,
  regions: regionsOf(LESION),
  ...changes,
});

/** The whole tumour is every label; the enhancing one lies inside it and is painted over it. */
const TUMOUR: readonly Label[] = [
  { name: "whole", value: 1, sourceValues: [1, 2, 3, 4], colour: "#0090ff" },
  { name: "enhancing", value: 2, sourceValues: [4], colour: "#e5484d" },
];

/** What the three patients taught before they tested. */
const DECIDED =
  "A rule of the preset auto, one view in little time, was decided by 07 and 19, each left out (docs/finetuning.md).";

const PLANS = {
  ms: ms({
    name: "ms",
    title: "MS lesions, one of three patients left out",
    note: `Three patients with T1, T1 after contrast, T2 and FLAIR; lesions of 1.3, 49.8 and 8.2 mL. ${DECIDED}`,
    scored: MS.ids,
    modalities: FOUR,
  }),
  "ms-26": ms({
    name: "ms-26",
    title: "MS lesions, trained on patients 07 and 19, tested on 26",
    note: `T1, T1 after contrast, T2 and FLAIR. ${DECIDED}`,
    scored: ["patient26"],
    modalities: FOUR,
  }),
  "ms-t1-flair": ms({
    name: "ms-t1-flair",
    title: "MS lesions from T1 and FLAIR, one of three patients left out",
    note: `The patients of the plan \`ms\` with two of their modalities. ${DECIDED}`,
    scored: MS.ids,
    modalities: ["t1", "flair"],
  }),
  glioma: {
    name: "glioma",
    title: "Glioma, one of four patients left out",
    note:
      "BraTS 2013 (Menze et al. 2015; CC BY-NC-SA: measured only, nothing made from them is kept): FLAIR and T1 after " +
      "contrast. The mask's labels 1 to 4 are the whole tumour, 4 is enhancing.",
    folder: "tumour",
    ids: ["patient01", "patient02", "patient05", "patient06"],
    scored: ["patient01", "patient02", "patient05", "patient06"],
    modalities: ["t1c", "flair"],
    label: "tumour",
    labels: TUMOUR,
    regions: [
      { name: "whole", mask: [1, 2], reference: [1, 2, 3, 4] },
      { name: "enhancing", mask: [2], reference: [4] },
    ],
  },
} as const satisfies Record<string, LeftOut>;

export type LeftOutName = keyof typeof PLANS;

/** Trains on the others of each scored patient; in a fold, one of those others is scored and that patient is not read. */
export function leftOutSplits<T extends { readonly id: string }>(
  cases: readonly T[],
  { scored, part }: Pick<LeftOut, "scored"> & Pick<PlanOptions, "part">,
): { readonly at: string; readonly splits: readonly Split<T>[] }[] {
  const others = (id: string) => cases.filter((c) => c.id !== id);
  if (part === "test") {
    return [{ at: "", splits: scored.map((id) => ({ train: others(id), test: cases.filter((c) => c.id === id) })) }];
  }
  return scored.map((id) => {
    const own = others(id), held = own[part.fold % own.length];
    return { at: scored.length === 1 ? "" : id, splits: [{ train: own.filter((c) => c !== held), test: [held] }] };
  });
}

export async function leftOut(name: LeftOutName, options: PlanOptions): Promise<Plan> {
  const own: LeftOut = PLANS[name];
  const { folder, ids, modalities, label, labels, regions } = own;
  if (options.labelled.length > 0) throw new RangeError(`expected no --labelled for ${name}: it trains on all others`);
  const path = (id: string, file: string) => resolve(join(options.data, folder, id, `${file}.nii.gz`));
  const missing = ids.find((id) => !existsSync(path(id, label)));
  if (missing !== undefined) throw new RangeError(`expected ${join(folder, missing)} in --data, got none`);
  const cases = ids.map((id): TrainingCase => ({
    id,
    patient: id,
    images: Object.fromEntries(modalities.map((m) => [m, path(id, m)])),
    label: path(id, label),
  }));
  const places: Place[] = [];
  for (const { at, splits } of leftOutSplits(cases, { ...own, ...options })) {
    const known = await Promise.all(
      splits.map(async ({ train, test }) => ({ train: await casesOf(train), test: await casesOf(test) })),
    );
    places.push({ at, splits: () => Promise.resolve(known) });
  }
  return await comparison({
    name,
    title: own.title,
    notes: [
      own.note,
      ...(options.part === "test" ? [] : [
        "A fold trains on some of the patients that are left when the named one is held out, and scores another of them. " +
        "What is chosen for a held-out patient is chosen by its own lines only.",
      ]),
      `${ids.length} patients are little to learn from and little to judge by.`,
    ],
    work: segmentationWork({ modalities, labels, regions }),
    places,
    xName: null,
  }, options);
}
