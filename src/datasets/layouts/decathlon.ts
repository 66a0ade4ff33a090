/**
 * Raw data of nnU-Net v1 and of the Medical Segmentation Decathlon, which share their `dataset.json`: `modality` and
 * `labels` by number, `training` with the pairs. nnU-Net has an image for each modality, `imagesTr/<case>_0000`; the
 * Decathlon has one file, `imagesTr/<case>`, which is 4-D where there are several modalities.
 * Source: nnU-Net v1 documentation/dataset_conversion.md; Antonelli et al., Nature Communications 2022.
 */
import { invalidDataset } from "../spec.ts";
import { z } from "zod";
import { splitVolumePath, WRITTEN_ENDING } from "../../volume/mod.ts";
import { channelModalities } from "./channels.ts";
import { checkedDescription } from "./description.ts";
import { CaseCollector, type FoundFiles, type Layout, type Plan } from "./layout.ts";

export const decathlon: Layout = {
  title: "Decathlon",
  files: `dataset.json (also of nnU-Net v1), imagesTr/CASE${WRITTEN_ENDING}, labelsTr/CASE${WRITTEN_ENDING}`,
  recognises: ({ description }) =>
    typeof description?.modality === "object" && description.modality !== null &&
    description.channel_names === undefined,
  plan,
};

const number = z.string().regex(/^\d{1,5}$/, "expected a number");
const schema = z.object({
  name: z.string().default(""),
  modality: z.record(number, z.string()),
  labels: z.record(number, z.string().min(1)),
  training: z.array(z.union([z.string(), z.object({ image: z.string() })])).default([]),
});

function plan({ paths, description, channels: map, keysOf }: FoundFiles): Plan {
  const { name, modality, labels, training } = checkedDescription(schema, description);
  const channels = channelModalities(modality, map);
  const whole = new Set(training.map((entry) => stemOf(typeof entry === "string" ? entry : entry.image)));
  const collector = new CaseCollector();
  let fourD = 0;
  for (const path of paths) {
    const stem = stemOf(path);
    const id = /^imagesTr\/([^/]+)$/i.exec(stem ?? "")?.[1];
    if (id === undefined) continue;
    // `case_0001` may be a case's whole name, which only the list tells.
    const [, ofCase, channel] = (!whole.has(stem) && /^(.+)_(\d{4})$/.exec(id)) || [];
    const role = channels.get(Number(channel ?? 0));
    if (channel === undefined && channels.size > 1) fourD++;
    else if (role !== undefined) collector.add(ofCase ?? id, role, path);
  }
  if (fourD > 0) throw severalInOne(fourD, channels.size);
  for (const path of paths) {
    const id = /^labelsTr\/([^/]+)$/i.exec(stemOf(path) ?? "")?.[1];
    if (id !== undefined && collector.has(id)) collector.add(id, "label", path);
  }
  const regions = keysOf("labels").map((value) => ({ name: labels[value], values: [Number(value)] }))
    .filter(({ values: [value] }) => value > 0);
  if (regions.length === 0) throw invalidDataset("dataset.json names no label but the background");
  return {
    name,
    task: "segmentation",
    modalities: [...channels.values()],
    regions,
    classes: [],
    cases: collector.cases(),
  };
}

/** A path without its ending and without the `./` that the lists begin with. */
function stemOf(path: string): string | undefined {
  return splitVolumePath(path.normalize("NFC").replace(/^\.\//, ""))?.stem;
}

function severalInOne(files: number, channels: number) {
  return invalidDataset(
    `${files} of its images hold all ${channels} modalities in one 4-D file each, as the Medical Segmentation Decathlon ` +
      "has them: expected a file for each modality. nnU-Net splits them: nnUNetv2_convert_MSD_dataset -i FOLDER",
  );
}
