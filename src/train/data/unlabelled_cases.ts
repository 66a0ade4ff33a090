/**
 * Cases for pre-training: any number of modalities each, every one on a grid of its own, brought onto one grid, cropped
 * about the middle, mapped to [0, 1] and kept on disk (docs/method B.2.1). Not the samples: `pretraining_sample.ts`.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { InferenceError, MODALITIES, type Modality, readInput } from "../../inference/mod.ts";
import {
  applyAffine,
  type Box,
  boxSize,
  crop,
  foregroundBox,
  type Grid,
  type GridImage,
  gridOverlap,
  LEAST_OVERLAP,
  perAxis,
  resampleSpacing,
  resampleToGrid,
  sameGrid,
  scaleIntensityPercentiles,
  spacingOf,
  toRas,
  type Triple,
  type Volume,
  voxelsOf,
} from "../../volume/mod.ts";
import { CaseCache } from "./case_cache.ts";
import { writeWhole } from "../../storage/mod.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import { type PretrainingCase, TrainingError } from "../types.ts";

/** A case ready for cropping: arrays [X, Y, Z] of one size, RAS. */
export interface PretrainingVolumes {
  readonly sizeVox: Triple;
  readonly modalities: readonly Modality[];
  /** In the order of `modalities`, intensities in [0, 1]. */
  readonly channels: readonly Float32Array[];
  /** Where the middle of the arrays lies, RAS millimetres of the files. */
  readonly centreMm: Triple;
}

export interface PretrainingCasesOptions {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: Pick<PretrainingBase, "spacingMm" | "percentiles">;
  readonly directory: string;
  readonly onCase?: (done: number, total: number) => void;
  readonly cacheBytes?: number;
}

/**
 * Prepares every case that is not on disk yet.
 * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
 */
export async function openPretrainingCases(
  { cases, recipe, directory, onCase, cacheBytes }: PretrainingCasesOptions,
): Promise<CaseCache<PretrainingVolumes>> {
  return await CaseCache.open({
    directory,
    keys: await Promise.all(cases.map((c, i) => keyOf(c, i, recipe))),
    prepare: (i) => preparePretrainingCase(cases[i], recipe),
    write,
    read,
    sizeInBytes: ({ channels }) => channels.reduce((n, c) => n + c.byteLength, 0),
    cacheBytes,
    onCase,
  });
}

/**
 * Reads one case.
 * @throws {InferenceError} a file is no usable volume, grids do not overlap, or there is nothing but background
 */
export async function preparePretrainingCase(
  { images }: PretrainingCase,
  { spacingMm, percentiles }: Pick<PretrainingBase, "spacingMm" | "percentiles">,
): Promise<PretrainingVolumes> {
  const modalities = MODALITIES.filter((m) => images[m] !== undefined);
  const volumes: Volume[] = [];
  for (const m of modalities) volumes.push(await readInput(images[m]!, m));
  const first = widest(volumes);
  const reference = resampleSpacing(toRas(volumes[first]), spacingMm, "linear");
  const placed = volumes.map((volume, i): GridImage => {
    if (i === first) return reference;
    if (sameGrid(volume, volumes[first])) return resampleSpacing(toRas(volume), spacingMm, "linear");
    if (gridOverlap(volume, volumes[first]) < LEAST_OVERLAP) {
      throw new InferenceError("no-overlap", `${modalities[i]} does not overlap ${modalities[first]} in space`);
    }
    return resampleToGrid(volume, { sizeVox: reference.sizeVox, affineRas: reference.affineRas });
  });
  const once = cropAboutMiddle(placed);
  const mapped = once.map((v) => ({ ...v, data: scaleIntensityPercentiles(v.data, { ...percentiles, clip: true }) }));
  const twice = cropAboutMiddle(mapped);
  const { sizeVox, affineRas } = twice[0];
  return {
    sizeVox,
    modalities,
    channels: twice.map((v) => v.data),
    centreMm: applyAffine(affineRas, perAxis((axis) => (sizeVox[axis] - 1) / 2)),
  };
}

/** The volume that covers most space: the others are cut to it or padded. */
function widest(volumes: readonly Grid[]): number {
  const extents = volumes.map((v) => voxelsOf(v.sizeVox) * spacingOf(v.affineRas).reduce((a, s) => a * s, 1));
  return extents.indexOf(Math.max(...extents));
}

/** The foreground's box, grown until it is symmetric about the middle of the image (docs/method B.2.1). */
export function middleBox(foreground: Box, sizeVox: Triple): Box {
  const half = [0, 1, 2].map((a) =>
    Math.max(Math.abs(foreground.start[a] - sizeVox[a] / 2), Math.abs(foreground.end[a] - sizeVox[a] / 2))
  );
  const at = (sign: number) => perAxis((axis) => Math.trunc(sizeVox[axis] / 2 + sign * half[axis]));
  return { start: at(-1), end: at(1) };
}

function cropAboutMiddle(images: readonly GridImage[]): GridImage[] {
  const { sizeVox } = images[0];
  const foreground = foregroundBox(images.map((v) => v.data), sizeVox, 0);
  if (foreground === null) throw new InferenceError("invalid-volume", "there is nothing but background");
  const box = middleBox(foreground, sizeVox);
  return boxSize(box).every((n, a) => n === sizeVox[a]) ? [...images] : images.map((v) => crop(v, box));
}

/** Changes with anything that changes the prepared arrays; a file is known by its path, size and time of change. */
async function keyOf(
  { images }: PretrainingCase,
  i: number,
  { spacingMm, percentiles }: PretrainingCasesOptions["recipe"],
): Promise<string> {
  const files = await Promise.all(
    Object.entries(images).map(async ([modality, path]) => {
      const { size, mtimeMs } = await stat(path).catch((cause) => {
        throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: its ${modality} cannot be read`, {
          cause,
        });
      });
      return [modality, path, size, mtimeMs];
    }),
  );
  return createHash("sha256").update(JSON.stringify(["pretraining", files, spacingMm, percentiles])).digest("hex")
    .slice(0, 32);
}

/** A multiple of 4, so that the arrays behind it are aligned. */
const HEADER_BYTES = 512;

type Header = Omit<PretrainingVolumes, "channels">;

async function write(path: string, { channels, ...header }: PretrainingVolumes): Promise<void> {
  const bytes = channels.map((c) => new Uint8Array(c.buffer, c.byteOffset, c.byteLength));
  await writeWhole(path, [JSON.stringify(header).padEnd(HEADER_BYTES), ...bytes]);
}

async function read(path: string): Promise<PretrainingVolumes | null> {
  const file = await readFile(path).catch(() => null);
  if (file === null) return null;
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(0, HEADER_BYTES)));
  } catch {
    return null;
  }
  const voxels = voxelsOf(header.sizeVox), { modalities } = header;
  if (file.length !== HEADER_BYTES + 4 * voxels * modalities.length) return null;
  const body = new Uint8Array(file.subarray(HEADER_BYTES)).buffer;
  return { ...header, channels: modalities.map((_, i) => new Float32Array(body, 4 * voxels * i, voxels)) };
}
