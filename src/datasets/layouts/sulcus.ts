/**
 * Our own layout: `dataset.json`, images `cases/<case>/<modality>`, label maps `cases/<case>/label`.
 *
 * `dataset.json`: `{ name, task, modalities: [...], labels?: [{ name, values, value?, colour? }], classes?: [...],
 * cases?: { <case>: { patient?, class?, excluded? } } }`.
 */
import { z } from "zod";
import { INPUTS } from "../../inference/mod.ts";
import { splitVolumePath, WRITTEN_ENDING } from "../../volume/mod.ts";
import { datasetSpecSchema, invalidDataset } from "../spec.ts";
import { unknownModality } from "./channels.ts";
import { checkedDescription } from "./description.ts";
import { CaseCollector, type FoundFiles, type Layout, type Plan } from "./layout.ts";

export const sulcus: Layout = {
  title: "Sulcus",
  files: `dataset.json, cases/CASE/t1${WRITTEN_ENDING}, …, cases/CASE/label${WRITTEN_ENDING}`,
  recognises: ({ description }) => Array.isArray(description?.modalities),
  plan,
};

const described = z.strictObject({
  patient: z.string().optional(),
  class: z.string().optional(),
  excluded: z.string().trim().min(1).max(500).optional(),
});
const schema = z.strictObject({
  ...datasetSpecSchema.shape,
  name: z.string().max(200).default(""),
  modalities: z.array(z.string()).min(1).max(INPUTS.length),
  cases: z.record(z.string(), described)
    .default({}),
});

function plan({ paths, description, channels }: FoundFiles): Plan {
  const { name, task, modalities: names, labels = [], classes = [], cases } = checkedDescription(schema, description);
  const about = new Map(Object.entries(cases).map(([id, facts]) => [id.normalize("NFC"), facts]));
  const modalities = names.map((n, i) => {
    const modality = channels.modalityOf(n);
    if (!modality) throw unknownModality(`modalities.${i}`);
    return modality;
  });
  if (new Set(modalities).size < modalities.length) throw invalidDataset("dataset.json names a modality twice");

  const collector = new CaseCollector();
  for (const path of paths) {
    const match = /^cases\/([^/]+)\/([^/]+)$/i.exec(splitVolumePath(path)?.stem ?? "");
    if (!match) continue;
    const role = match[2].toLowerCase() === "label" ? "label" : channels.modalityOf(match[2]);
    if (role && (role === "label" || modalities.includes(role))) collector.add(match[1], role, path);
  }
  const found = collector.cases((id) => {
    const { patient, class: className, excluded } = about.get(id) ?? {};
    return { patient: patient?.normalize("NFC"), className, excluded };
  });
  const absent = [...about.keys()].filter((id) => !collector.has(id)).length;
  const notes = absent > 0 ? [`cases of dataset.json that are not there: ${absent}`] : [];
  return { name, task, modalities, regions: labels, classes, cases: found, notes };
}
