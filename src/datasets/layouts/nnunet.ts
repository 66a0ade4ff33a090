/**
 * nnU-Net v2 raw data: `dataset.json`, images `imagesTr/<case>_0000`, labels `labelsTr/<case>`, or the files that the
 * field `dataset` lists for each case. Test images are left out.
 * Source: nnU-Net documentation/dataset_format.md and region_based_training.md.
 */
import { invalidDataset } from "../spec.ts";
import { normalize } from "node:path/posix";
import { z } from "zod";
import type { Modality } from "../../inference/mod.ts";
import { MAX_LABEL, splitVolumePath, VOLUME_ENDINGS, WRITTEN_ENDING } from "../../volume/mod.ts";
import { channelModalities } from "./channels.ts";
import { checkedDescription } from "./description.ts";
import { CaseCollector, type FoundFiles, type Layout, type Plan } from "./layout.ts";
import type { DatasetLabel } from "../types.ts";

export const nnunet: Layout = {
  title: "nnU-Net v2",
  files: `dataset.json, imagesTr/CASE_0000${WRITTEN_ENDING}, labelsTr/CASE${WRITTEN_ENDING}`,
  recognises: ({ description }) => description?.channel_names !== undefined,
  plan,
};

const value = z.int().min(0).max(MAX_LABEL);
const schema = z.object({
  name: z.string().optional(),
  channel_names: z.record(z.string().regex(/^\d{1,4}$/), z.string()),
  labels: z.record(z.string(), z.union([value, z.array(value).min(1)])),
  regions_class_order: z.array(z.int().min(1).max(MAX_LABEL)).optional(),
  dataset: z.record(z.string(), z.object({ images: z.array(z.string()), label: z.string() })).optional(),
  file_ending: z.string().default(WRITTEN_ENDING),
});

function plan({ paths, description, channels: map, keysOf }: FoundFiles): Plan {
  const { name = "", channel_names, labels, regions_class_order, dataset, file_ending } = checkedDescription(
    schema,
    description,
  );
  if (!VOLUME_ENDINGS.includes(file_ending.toLowerCase())) {
    throw invalidDataset(`dataset.json: file_ending: expected ${VOLUME_ENDINGS.join(" or ")}; convert the files`);
  }
  const channels = channelModalities(channel_names, map);
  const collector = dataset === undefined ? byName(paths, channels) : byList(paths, channels, dataset);
  const inOrder = keysOf("labels").map((key): [string, number | number[]] => [key, labels[key]]);
  return {
    name,
    task: "segmentation",
    modalities: [...channels.values()],
    regions: regionsOf(inOrder, regions_class_order),
    classes: [],
    cases: collector.cases(),
  };
}

function byName(paths: readonly string[], channels: ReadonlyMap<number, Modality>): CaseCollector {
  const collector = new CaseCollector();
  const volumes = paths.flatMap((path) => {
    const split = splitVolumePath(path);
    return split === null ? [] : [{ path, stem: split.stem }];
  });
  for (const { path, stem } of volumes) {
    const match = /^imagesTr\/([^/]+)_(\d{4})$/i.exec(stem);
    const modality = match && channels.get(Number(match[2]));
    if (modality) collector.add(match[1], modality, path);
  }
  for (const { path, stem } of volumes) {
    const match = /^labelsTr\/([^/]+)$/i.exec(stem);
    if (match && collector.has(match[1])) collector.add(match[1], "label", path);
  }
  return collector;
}

function byList(
  paths: readonly string[],
  channels: ReadonlyMap<number, Modality>,
  list: Readonly<Record<string, { images: readonly string[]; label: string }>>,
): CaseCollector {
  const collector = new CaseCollector();
  const known = new Set(paths);
  for (const [name, { images, label }] of Object.entries(list)) {
    const id = name.normalize("NFC");
    const files = [...images.map((path, i) => [channels.get(i), path] as const), ["label", label] as const];
    for (const [role, listed] of files) {
      const path = normalize(listed.replaceAll("\\", "/").normalize("NFC"));
      if (role === undefined) collector.spoil(id, "dataset.json lists more images for a case than there are channels");
      else if (known.has(path)) collector.add(id, role, path);
      else collector.spoil(id, `dataset.json lists a file for ${role} that is not in the folder of dataset.json`);
    }
  }
  return collector;
}

function regionsOf(
  labels: readonly [string, number | number[]][],
  order: readonly number[] | undefined,
): DatasetLabel[] {
  if (labels.some(([name]) => name === "ignore")) throw invalidDataset("its label maps have an ignore label");
  const regions = labels.filter(([name, v]) => name !== "background" && v !== 0)
    .map(([name, v]) => ({ name, values: [v].flat().filter((n) => n > 0) }));
  if (regions.length === 0) throw invalidDataset("dataset.json names no label but the background");
  if (!order) return regions;
  if (order.length !== regions.length) {
    throw invalidDataset(
      `dataset.json: expected ${regions.length} entries in regions_class_order, got ${order.length}`,
    );
  }
  return regions.map((region, i) => ({ ...region, value: order[i] }));
}
