/**
 * Unlabelled cases, read where they lie: a manifest (docs/method E.4), a folder in one of the data-set layouts, or a plain
 * folder of `<case>/<modality>`. Copies and records nothing; opens no image.
 */
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { digestFile, faultOf } from "../../storage/mod.ts";
import { ANY_MODALITY, type Modality } from "../../inference/mod.ts";
import type { PretrainingCase } from "../../train/mod.ts";
import { splitVolumePath } from "../../volume/mod.ts";
import { hashCases } from "../checks/checks.ts";
import { ChannelMap } from "../layouts/channels.ts";
import { isDescription } from "../layouts/description.ts";
import { CaseCollector, type LayoutCase } from "../layouts/layout.ts";
import { planDataset } from "../layouts/layouts.ts";
import { tidyPaths } from "../layouts/paths.ts";
import { invalidDataset } from "../spec.ts";
import type { Role } from "../types.ts";
import { walkFiles } from "./folder.ts";

export interface PretrainingSource {
  readonly cases: readonly PretrainingCase[];
  /** sha256 over every file that is used. */
  readonly hash: string;
}

const MAX_TEXT_BYTES = 2 ** 26;

/**
 * Reads and hashes the images of every source; labels and cases marked as test are left out.
 * @throws {DomainError} `invalid-dataset`; messages name sources and cases by their number
 */
export async function readPretrainingSources(
  sources: readonly string[],
  { channels = new ChannelMap() }: { readonly channels?: ChannelMap } = {},
): Promise<PretrainingSource> {
  const found: PretrainingCase[] = [];
  for (const [i, source] of sources.entries()) {
    const info = await Deno.stat(source).catch(() => undefined);
    if (info === undefined) throw invalidDataset(`source ${i + 1}: there is no such folder or file`);
    const cases = info.isDirectory
      ? await casesOfFolder(resolve(source), channels)
      : await casesOfManifest(resolve(source), channels);
    if (cases.length === 0) throw invalidDataset(`source ${i + 1} has no images of a known modality`);
    found.push(...cases.map((c) => sources.length === 1 ? c : { ...c, id: `${i + 1}/${c.id}` }));
  }
  channels.checkUsed();
  const contents = [];
  for (const [i, { id, images }] of found.entries()) {
    const files = new Map<Role, { sha256: string }>();
    for (const [modality, path] of Object.entries(images) as [Role, string][]) {
      const digest = await digestFile(path).catch(() => {
        throw invalidDataset(`case ${i + 1} of ${found.length}: its ${modality} cannot be read`);
      });
      files.set(modality, digest);
    }
    contents.push({ id, patient: id, files });
  }
  return { cases: found, hash: hashCases(contents) };
}

const manifestSchema = z.object({
  cases: z.array(z.object({
    id: z.string().min(1).max(1000),
    images: z.record(z.string(), z.string().min(1)),
    split: z.string().optional(),
  })),
});

/** Paths in a manifest are relative to it. */
async function casesOfManifest(path: string, channels: ChannelMap): Promise<PretrainingCase[]> {
  const manifest = parse(await textOf(path)), parsed = manifestSchema.safeParse(manifest);
  if (!parsed.success) {
    const { path: where, detail } = faultOf(manifestSchema, manifest, parsed.error);
    throw invalidDataset(`the manifest: ${where.join(".") || "it"}: ${detail}`);
  }
  return parsed.data.cases.filter((c) => c.split !== "test").map(({ id, images }, i) => {
    const used: [string, string][] = Object.entries(images).map(([name, file]) => {
      const modality = modalityOf(name, channels);
      if (modality === null) throw invalidDataset(`the manifest: case ${i + 1} has an image of no known modality`);
      return [modality, resolve(dirname(path), file)];
    });
    if (used.length === 0) throw invalidDataset(`the manifest: case ${i + 1} has no images`);
    if (new Set(used.map(([m]) => m)).size < used.length) {
      throw invalidDataset(`the manifest: case ${i + 1} has two images of one modality`);
    }
    return { id, images: Object.fromEntries(used) };
  });
}

async function casesOfFolder(root: string, channels: ChannelMap): Promise<PretrainingCase[]> {
  const paths = await Array.fromAsync(walkFiles(root));
  const plain = planPlain(paths, channels);
  const cases = plain.length > 0
    ? plain
    : (await planDataset(paths, (path) => textOf(`${root}/${path}`), { channels, areChannelsShared: true })).cases;
  return cases.flatMap(({ id, files }) => {
    const images = [...files].filter(([role]) => role !== "label").map(([role, p]) => [role, `${root}/${p}`]);
    return images.length === 0 ? [] : [{ id, images: Object.fromEntries(images) }];
  });
}

/** Folders with files that are named after modalities; other files are ignored. */
function planPlain(paths: readonly string[], channels: ChannelMap): LayoutCase[] {
  const sources = tidyPaths(paths);
  if ([...sources.keys()].some(isDescription)) return [];
  const collector = new CaseCollector();
  for (const [path, source] of sources) {
    const stem = splitVolumePath(path)?.stem;
    const modality = stem === undefined ? null : modalityOf(basename(stem), channels);
    if (stem && modality) collector.add(dirname(stem), modality, source);
  }
  const cases = collector.cases();
  for (const { fault } of cases) if (fault !== undefined) throw invalidDataset(fault);
  return cases;
}

/** A network that learns modalities needs to know them: "any" is none. */
function modalityOf(name: string, channels: ChannelMap): Modality | null {
  const modality = channels.modalityOf(name);
  return modality === ANY_MODALITY ? null : modality;
}

async function textOf(path: string): Promise<string> {
  const { size } = await Deno.stat(path);
  if (size > MAX_TEXT_BYTES) throw invalidDataset("its description is too long");
  return await Deno.readTextFile(path);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidDataset("its description is no JSON");
  }
}
