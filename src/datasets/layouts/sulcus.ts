/**
 * Our own layout: `dataset.json`, images `cases/<case>/<modality>`, label maps `cases/<case>/label`.
 *
 * `dataset.json`: `{ name, task, modalities: [...], labels?: [{ name, values, value?, colour? }], classes?: [...],
 * cases?: { <case>: { patient?, class? } } }`.
 */
import { z } from "zod";
import { inputFromName, INPUTS } from "../../inference/mod.ts";
import { splitVolumePath, WRITTEN_ENDING } from "../../volume/mod.ts";
import { datasetSpecSchema } from "../spec.ts";
import { CaseCollector, type FoundFiles, invalidDataset, type Layout, type Plan } from "./layout.ts";

export const sulcus: Layout = {
  title: "Sulcus",
  files: `dataset.json, cases/CASE/t1${WRITTEN_ENDING}, …, cases/CASE/label${WRITTEN_ENDING}`,
  recognises: ({ description }) => Array.isArray(description?.modalities),
  plan,
};

const schema = z.strictObject({
  ...datasetSpecSchema.shape,
  name: z.string().max(200).default(""),
  modalities: z.array(z.string()).min(1).max(INPUTS.length),
  cases: z.record(z.string(), z.strictObject({ patient: z.string().optional(), class: z.string().optional() }))
    .default({}),
});

function plan({ paths, description }: FoundFiles): Plan {
  const parsed = schema.safeParse(description);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    throw invalidDataset(`dataset.json: ${path[0] === "cases" ? "cases" : path.join(".")}: ${message}`);
  }
  const { name, task, modalities: names, labels = [], classes = [], cases: described } = parsed.data;
  const modalities = names.map((n, i) => {
    const modality = inputFromName(n);
    if (!modality) throw invalidDataset(`dataset.json: modalities.${i} is no known modality`);
    return modality;
  });
  if (new Set(modalities).size < modalities.length) throw invalidDataset("dataset.json names a modality twice");

  const collector = new CaseCollector();
  for (const path of paths) {
    const match = /^cases\/([^/]+)\/([^/]+)$/.exec(splitVolumePath(path)?.stem ?? "");
    if (!match) continue;
    const role = match[2] === "label" ? "label" : inputFromName(match[2]);
    if (role && (role === "label" || modalities.includes(role))) collector.add(match[1], role, path);
  }
  const cases = collector.cases((id) => {
    const { patient, class: className } = Object.hasOwn(described, id) ? described[id] : {};
    return { patient, className };
  });
  return { name, task, modalities, regions: labels, classes, cases };
}
