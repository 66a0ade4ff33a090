/**
 * Reads a case's files and brings them onto the network's grid: one grid (RAS, target spacing, foreground crop), one
 * channel a modality. Inference and training share it. Runs no network; the steps themselves are `steps.ts`.
 */
import {
  type Box,
  crop,
  type Grid,
  type GridImage,
  gridOverlap,
  LEAST_OVERLAP,
  resampleSpacing,
  resampleToGrid,
  sameGrid,
  toRas,
  type Volume,
} from "../../volume/mod.ts";
import type { Modality } from "../modalities.ts";
import type { ModelSpec, Preprocessing } from "../spec.ts";
import { InferenceError, type Warning } from "../types.ts";
import { readLabelMap, readModality } from "./read_input.ts";
import { cropBox, cropped, toNetworkGrid } from "./steps.ts";
import { readTemplate, templateFor } from "./templates.ts";

/** A case as the network sees it. */
export interface Prepared {
  /** One array [X, Y, Z] a modality, in the spec's order. */
  readonly channels: readonly Float32Array[];
  /** The grid of all channels; its placement leads back to the first file given. */
  readonly grid: GridImage;
  /** The crop that was taken of the oriented, resampled volume, and that volume's size. */
  readonly box: Box;
  readonly uncroppedVox: Grid["sizeVox"];
  /** The first file given, whose grid masks are written on. */
  readonly reference: Volume;
  readonly warnings: readonly Warning[];
  /** Time spent reading files. */
  readonly readMs: number;
}

export interface PrepareOptions {
  readonly spec: Pick<ModelSpec, "modalities" | "preprocessing">;
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** The package whose templates stand in for missing modalities; absent: a missing modality is an error. */
  readonly templates?: { readonly directory: string };
  /** Receives every volume on its file's grid, before the next one is read. */
  readonly onVolume?: (modality: Modality, volume: Volume) => void;
}

/**
 * Reads and pre-processes one case.
 * @throws {InferenceError} a modality is missing or unknown, a file is no usable volume, grids do not overlap
 */
export async function prepare(
  { spec: { modalities, preprocessing }, images, templates, onVolume }: PrepareOptions,
): Promise<Prepared> {
  const unknown = Object.keys(images).find((m) => !modalities.includes(m as Modality));
  if (unknown !== undefined) {
    throw new InferenceError("unknown-modality", `Cannot use ${unknown}: the model takes ${modalities.join(", ")}`);
  }
  // The first file given decides the grid.
  const present = (Object.keys(images) as Modality[]).filter((m) => images[m] !== undefined);
  const missing = modalities.filter((m) => images[m] === undefined);
  if (present.length === 0 || (missing.length > 0 && templates === undefined)) {
    throw new InferenceError(
      "missing-modality",
      `Cannot run the model: it takes ${modalities.join(", ")}; missing: ${missing.join(", ")}`,
    );
  }
  const standIns = new Map<Modality, GridImage>();
  for (const modality of missing) {
    const template = await readTemplate(templates!.directory, modality);
    if (template === null) {
      throw new InferenceError("template-missing", `Cannot stand in for ${modality}: the model has no template of it`);
    }
    standIns.set(modality, template);
  }
  const warnings: Warning[] = [];
  let readMs = 0;
  const read = async (modality: Modality) => {
    const start = performance.now();
    const volume = await readModality(images[modality]!, modality, warnings);
    readMs += performance.now() - start;
    onVolume?.(modality, volume);
    return volume;
  };
  const reference = await read(present[0]);
  const placed = new Map<Modality, GridImage>();
  for (const modality of present) {
    const volume = modality === present[0] ? reference : await read(modality);
    placed.set(
      modality,
      toNetworkGrid(onGridOf(reference, volume, { modality, first: present[0], warnings }), preprocessing),
    );
  }
  const whole = placed.get(present[0])!;
  const box = cropBox([...placed.values()].map((v) => v.data), whole, preprocessing);
  const channels = new Map([...placed].map(([m, v]) => [m, cropped(v, box, preprocessing)]));
  for (const [modality, template] of standIns) {
    channels.set(modality, templateFor(template, { uncropped: whole, box, spacingMm: preprocessing.spacingMm }));
    warnings.push({ code: "template-substituted", detail: `${modality} is missing; the model's template stands in` });
  }
  return {
    channels: modalities.map((m) => channels.get(m)!.data),
    grid: channels.get(present[0])!,
    box,
    uncroppedVox: whole.sizeVox,
    reference,
    warnings,
    readMs: Math.round(readMs),
  };
}

/**
 * A label map on the reference's grid brought onto the network's grid: nearest neighbour, then the same crop.
 * @throws {InferenceError} the file is no usable volume or lies elsewhere
 */
export async function prepareLabel(
  path: string,
  { reference, box }: Prepared,
  preprocessing: Preprocessing,
): Promise<Float32Array> {
  const volume = await readLabelMap(path);
  const same = sameGrid(volume, reference);
  if (!same) checkOverlap(reference, volume, "the label map with the images");
  const onReference = same ? volume : resampleToGrid(volume, reference, { interpolation: "nearest" });
  return crop(resampleSpacing(toRas(onReference), preprocessing.spacingMm, "nearest"), box).data;
}

function onGridOf(
  reference: Volume,
  volume: Volume,
  { modality, first, warnings }: { modality: Modality; first: Modality; warnings: Warning[] },
): GridImage {
  if (sameGrid(reference, volume)) return volume;
  checkOverlap(reference, volume, `${modality} with ${first}`);
  warnings.push({ code: "resampled-to-first", detail: `${modality} was resampled onto the grid of ${first}` });
  return resampleToGrid(volume, reference);
}

function checkOverlap(reference: Volume, volume: Volume, which: string): void {
  const share = gridOverlap(reference, volume);
  if (share >= LEAST_OVERLAP) return;
  throw new InferenceError(
    "no-overlap",
    `Cannot combine ${which}: they share ${Math.round(share * 100)} % of their space, ` +
      `expected at least ${LEAST_OVERLAP * 100} %`,
  );
}
