/**
 * BraTS training data: `<case>/<case>_t1ce` (until 2021, enhancing tumour = 4) or `<case>/<case>-t1c` (2023, enhancing
 * tumour = 3), under any folders; `HGG/` and `LGG/` give the class. Releases that number the regions otherwise
 * (paediatric data since 2024) do not pass the label checks and go through the Sulcus layout.
 * Source: docs/method E.1 to E.3.
 */
import { invalidDataset } from "../spec.ts";
import { modalityFromName } from "../../inference/mod.ts";
import { splitVolumePath, WRITTEN_ENDING } from "../../volume/mod.ts";
import { CaseCollector, type FoundFiles, type Layout, type Plan } from "./layout.ts";
import type { DatasetLabel } from "../types.ts";

const STEM = /^(?:.*\/)?([^/]+)\/\1[-_](t1n|t1c|t2w|t2f|t1|t1ce|t2|flair|seg)$/i;
const SINCE_2023 = /^(t1n|t1c|t2w|t2f)$/;

export const brats: Layout = {
  title: "BraTS",
  files: `CASE/CASE_t1${WRITTEN_ENDING}, …, CASE/CASE_seg${WRITTEN_ENDING}`,
  recognises: ({ paths, description }) => description === undefined && paths.some((path) => matchOf(path) !== null),
  plan,
};

function matchOf(path: string): { id: string; suffix: string } | null {
  const match = STEM.exec(splitVolumePath(path)?.stem ?? "");
  return match && { id: match[1], suffix: match[2].toLowerCase() };
}

function plan({ paths }: FoundFiles): Plan {
  const collector = new CaseCollector();
  const classes = new Map<string, string>();
  const suffixes = new Set<string>();
  for (const path of paths) {
    const match = matchOf(path);
    if (match === null) continue;
    const { id, suffix } = match;
    suffixes.add(suffix);
    collector.add(id, suffix === "seg" ? "label" : modalityFromName(suffix)!, path);
    const grade = path.split("/").at(-3);
    if (grade === "HGG" || grade === "LGG") classes.set(id, grade);
  }
  const isNew = [...suffixes].some((s) => SINCE_2023.test(s));
  if (isNew && [...suffixes].some((s) => s !== "seg" && !SINCE_2023.test(s))) {
    throw invalidDataset("it mixes the names of BraTS 2023 with those of earlier years");
  }
  const cases = collector.cases((id) => ({ className: classes.get(id) }));
  return {
    name: "",
    task: "segmentation",
    modalities: (["t1", "t1c", "t2", "flair"] as const).filter((m) => cases.some((c) => c.files.has(m))),
    regions: regionsWith(isNew ? 3 : 4),
    classes: [...new Set(classes.values())].sort(),
    cases,
  };
}

function regionsWith(enhancing: number): DatasetLabel[] {
  return [
    { name: "whole tumour", values: [1, 2, enhancing] },
    { name: "tumour core", values: [1, enhancing] },
    { name: "enhancing tumour", values: [enhancing] },
  ];
}
