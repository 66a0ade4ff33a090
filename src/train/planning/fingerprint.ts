/**
 * The fingerprint of a data set: what the rules of planning look at. Sizes and spacings come from the files' headers, those
 * of labels from label maps; of large data sets some cases are read and the fingerprint says how many. Decides nothing.
 */
import { type Label, readLabelMap } from "../../inference/mod.ts";
import {
  orientationTo,
  partsOf,
  perAxis,
  readVolumeHeader,
  type Triple,
  VolumeError,
  voxelMl,
} from "../../volume/mod.ts";
import { type TrainingCase, TrainingError } from "../types.ts";

/** The least, the middle and the greatest of the cases that were read, along right, anterior and superior. */
export interface Spread {
  readonly least: Triple;
  readonly median: Triple;
  readonly most: Triple;
}

export interface LabelFacts {
  readonly name: string;
  /** Cases that have it, of those whose label maps were read. */
  readonly cases: number;
  /** Over the cases that have it. */
  readonly medianMl: number;
  readonly components: number;
  /** Of the image's voxels. */
  readonly share: number;
}

export interface Fingerprint {
  readonly task: "segmentation" | "classification";
  readonly cases: number;
  readonly patients: number;
  readonly modalities: readonly string[];
  /** Cases whose headers, and whose label maps, were read. */
  readonly headersRead: number;
  readonly labelsRead: number;
  readonly sizeVox: Spread;
  readonly spacingMm: Spread;
  /** Median size of an image, mm. */
  readonly extentMm: Triple;
  readonly labels: readonly LabelFacts[];
  /** No voxel can have two of the labels; true of a single one. */
  readonly exclusive: boolean;
  readonly classes: Readonly<Record<string, number>>;
}

export interface FingerprintRequest {
  readonly task: "segmentation" | "classification";
  readonly cases: readonly TrainingCase[];
  readonly modalities: readonly string[];
  readonly labels: readonly Label[];
}

/** Headers are read in microseconds, but a folder may be on a slow disk. */
const MOST_HEADERS = 200;
/** Label maps are read whole: as many as take a second or two. */
const MOST_LABEL_MAPS = 24;
const MOST_LABEL_VOXELS = 6e7;

/**
 * Reads the fingerprint.
 * @throws {TrainingError} `invalid-data`: a case's file cannot be read, naming the case's number
 */
export async function fingerprintOf({ task, cases, modalities, labels }: FingerprintRequest): Promise<Fingerprint> {
  const grids = new Map<number, OrientedGrid>();
  for (const i of spread(cases.length, MOST_HEADERS)) grids.set(i, await gridOf(cases[i], i, modalities));
  const sizes = [...grids.values()].map(({ sizeVox }) => sizeVox);
  const spacings = [...grids.values()].map(({ spacingMm }) => spacingMm);
  const sizeVox = spreadOf(sizes), spacingMm = spreadOf(spacings);
  const found = task === "segmentation" ? await labelFacts(cases, labels) : { labels: [], read: 0 };
  return {
    task,
    cases: cases.length,
    patients: new Set(cases.map(({ patient }) => patient)).size,
    modalities: [...modalities],
    headersRead: grids.size,
    labelsRead: found.read,
    sizeVox,
    spacingMm,
    extentMm: perAxis((a) => round(middle([...grids.values()].map((g) => g.sizeVox[a] * g.spacingMm[a])))),
    labels: found.labels,
    exclusive: areExclusive(labels),
    classes: Object.fromEntries(
      [...Map.groupBy(cases, ({ className }) => className)].flatMap(([name, of]) =>
        name === undefined ? [] : [[name, of.length]]
      ),
    ),
  };
}

interface OrientedGrid {
  readonly sizeVox: Triple;
  readonly spacingMm: Triple;
}

async function gridOf(c: TrainingCase, i: number, modalities: readonly string[]): Promise<OrientedGrid> {
  const images = new Map<string, string>(Object.entries(c.images));
  const path = modalities.map((m) => images.get(m)).find((p) => p !== undefined);
  if (path === undefined) throw refused(i, "it has no image");
  try {
    const { sizeVox, spacingMm, affineRas } = await readVolumeHeader(path);
    const { from } = orientationTo(affineRas, {});
    return { sizeVox: perAxis((a) => sizeVox[from[a]]), spacingMm: perAxis((a) => spacingMm[from[a]]) };
  } catch (error) {
    throw error instanceof VolumeError ? refused(i, error.message, error) : error;
  }
}

const refused = (i: number, why: string, cause?: unknown) =>
  new TrainingError("invalid-data", `Cannot plan for case ${i + 1}: ${why}`, { cause });

interface LabelInCase {
  readonly ml: number;
  readonly components: number;
  readonly share: number;
}

async function labelFacts(
  cases: readonly TrainingCase[],
  labels: readonly Label[],
): Promise<{ labels: LabelFacts[]; read: number }> {
  const found: LabelInCase[][] = labels.map(() => []);
  let voxels = 0, read = 0;
  for (const i of spread(cases.length, MOST_LABEL_MAPS)) {
    const path = cases[i].label;
    if (path === undefined || voxels > MOST_LABEL_VOXELS) continue;
    const { data, sizeVox, affineRas } = await readLabelMap(path).catch((cause) => {
      throw refused(i, cause instanceof Error ? cause.message : "its label map cannot be read", cause);
    });
    voxels += data.length;
    read++;
    labels.forEach(({ value, sourceValues = [value] }, k) => {
      const wanted = new Set(sourceValues), mask = new Uint8Array(data.length);
      let count = 0;
      for (let i = 0; i < data.length; i++) if (data[i] !== 0 && wanted.has(data[i])) count += mask[i] = 1;
      if (count === 0) return;
      const { voxels } = partsOf(mask, sizeVox, { value: 1, neighbours: 26 });
      found[k].push({ ml: count * voxelMl(affineRas), components: voxels.length, share: count / data.length });
    });
  }
  return {
    labels: labels.map(({ name }, k) => ({
      name,
      cases: found[k].length,
      medianMl: round(middle(found[k].map(({ ml }) => ml))),
      components: middle(found[k].map(({ components }) => components)),
      share: round(middle(found[k].map(({ share }) => share))),
    })),
    read,
  };
}

/** Labels exclude each other if no value of the files means two of them. */
function areExclusive(labels: readonly Label[]): boolean {
  const values = labels.flatMap(({ value, sourceValues = [value] }) => sourceValues);
  return new Set(values).size === values.length;
}

/** Up to `most` of `count` indices, spread evenly. */
function spread(count: number, most: number): number[] {
  const n = Math.min(count, most);
  return Array.from({ length: n }, (_, k) => Math.floor(k * count / n));
}

function spreadOf(all: readonly Triple[]): Spread {
  return {
    least: perAxis((a) => round(Math.min(...all.map((t) => t[a])))),
    median: perAxis((a) => round(middle(all.map((t) => t[a])))),
    most: perAxis((a) => round(Math.max(...all.map((t) => t[a])))),
  };
}

/** The median, the lower one of two; 0 of none. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

const round = (v: number) => Number(v.toPrecision(4));
