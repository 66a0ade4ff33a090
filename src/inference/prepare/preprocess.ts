/**
 * Reads a case's files and brings them onto the network's grid: each volume goes there once, by its own affine, one
 * channel a modality. Inference and training share it. Runs no network; `channels/` has the steps.
 */
import {
  type Box,
  findForeground,
  type Foreground,
  type Grid,
  type GridImage,
  gridOverlap,
  LEAST_OVERLAP,
  readVolumeHeader,
  sameGrid,
  type Volume,
  type VolumeHeader,
} from "../../volume/mod.ts";
import type { Modality } from "../modalities.ts";
import { normalisationOf, type Preprocessing } from "../preprocessing.ts";
import type { ModelSpec } from "../spec.ts";
import { InferenceError, type Output, type Warning } from "../types.ts";
import type { WorkBudget } from "../budget.ts";
import { caseExcess, type CaseWork } from "../work/case_work.ts";
import { Assembly } from "../channels/assembly.ts";
import type { SeparateAxis } from "../channels/resample.ts";
import { type NamedHeader, placedBeside, snapped } from "./position.ts";
import { named, readLabelMap, readModality } from "./read_input.ts";
import { layStandIns } from "./template_placement.ts";
import { readTemplate, templatesIn } from "./templates.ts";

/** A case as the network sees it. */
export interface Prepared {
  /** One array [X, Y, Z] a modality, in the spec's order. */
  readonly channels: readonly Float32Array[];
  /** The grid of all channels. */
  readonly grid: Grid;
  /** 1 where something may be labelled [X, Y, Z]. */
  readonly inside: Uint8Array;
  /** The axis whose slices stay apart on the way back; null: none. */
  readonly slices: SeparateAxis;
  /** The whole field of view at the network's voxel size, and the part of it that `grid` is. */
  readonly uncropped: Grid;
  readonly box: Box;
  /** The file whose grid masks are written on, and where it lies. */
  readonly reference: { readonly header: VolumeHeader; readonly grid: Grid };
  readonly headers: readonly NamedHeader[];
  readonly warnings: readonly Warning[];
  /** Time spent reading files. */
  readonly readMs: number;
}

/** How a request asks for templates; a command line has its own words. */
export const TEMPLATES_WISH = "missing = template";

/** Receives a volume on its file's grid, with its foreground, before the next one is read; its voxels change after it. */
export type VolumeHook = (modality: Modality, volume: Volume, foreground: Foreground) => void;

export interface PrepareOptions {
  readonly spec: Pick<ModelSpec, "modalities"> & CaseWork["spec"];
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  /** The modality whose grid masks are written on; default the first one given. */
  readonly reference?: Modality | undefined;
  /** The package whose templates stand in for missing modalities; absent: a missing modality is an error. */
  readonly templates?: { readonly directory: string } | undefined;
  /** The package whose templates are named where a modality is missing. */
  readonly directory?: string | undefined;
  readonly onVolume?: VolumeHook | undefined;
  /** The form of the mask that will be written; absent: none. */
  readonly output?: Output | undefined;
  /** Of the network's file. Default 0. */
  readonly networkBytes?: number | undefined;
  /** Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget | undefined;
}

/**
 * Reads and pre-processes one case. The model's first modality that is given decides the axes of the network's grid, the
 * tissue of all of them its extent; the order of the files decides nothing.
 * @throws {InferenceError} a modality is missing or unknown, a file is no usable volume, is empty, lies elsewhere or nowhere;
 * `too-much-work`: by the headers it would take more than the budget
 */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { spec: { modalities, preprocessing }, images, onVolume } = options;
  const present = modalities.filter((m) => images[m] !== undefined);
  const missing = modalities.filter((m) => images[m] === undefined);
  await checkModalities(options, missing);
  const standIns = await standInsFor(missing, options);
  const warnings: Warning[] = [];
  const headers: NamedHeader[] = [];
  for (const name of present) {
    headers.push({ name, header: await named(name, () => readVolumeHeader(images[name]!)) });
  }
  const grids = new Map(
    headers.map((h) => [h.name, placedBeside(h, headers.filter((other) => other !== h), warnings)]),
  );
  const [first] = present, anchor = grids.get(first)!;
  for (const name of present.slice(1)) {
    grids.set(name, snapped(grids.get(name)!, anchor));
    checkTogether({ name, grid: grids.get(name)! }, { name: first, grid: anchor }, warnings);
  }
  const given = options.reference ?? (Object.keys(images) as Modality[]).find((m) => images[m] !== undefined)!;
  const { output } = options, target = output === undefined ? undefined : { grid: grids.get(given)!, output };
  const excess = caseExcess({ ...options, grids: [...grids.values()], target }, options.budget);
  if (excess !== null) throw new InferenceError("too-much-work", `Cannot run the model: ${excess}`);
  const assembly = new Assembly(anchor, preprocessing);
  let readMs = 0;
  for (const name of present) {
    const start = performance.now();
    const volume = {
      ...await readModality(images[name]!, name, { warnings, budget: options.budget }),
      ...grids.get(name)!,
    };
    readMs += performance.now() - start;
    const foreground = foregroundOf(name, volume);
    onVolume?.(name, volume, foreground);
    assembly.add({ name, channel: modalities.indexOf(name), image: volume, foreground });
  }
  const { channels: own, grid, uncropped, box, inside, slices } = assembly.finish();
  const channels = new Map(own);
  if (standIns.size > 0) {
    const images = new Map(present.map((m): [Modality, GridImage] => [m, { ...grid, data: own.get(m)! }]));
    const { lay, note } = layStandIns(images, {
      templates: await templatesOf(present, options),
      grid,
      centred: { uncropped, box, spacingMm: preprocessing.spacingMm },
    });
    for (const [modality, template] of standIns) {
      channels.set(modality, lay(template));
      const detail = `${modality} is missing; the model's template stands in${note}`;
      warnings.push({ code: "template-substituted", detail });
    }
  }
  return {
    channels: modalities.map((m) => channels.get(m)!),
    grid,
    inside,
    slices,
    uncropped,
    box,
    reference: { header: headers.find((h) => h.name === given)!.header as VolumeHeader, grid: grids.get(given)! },
    headers,
    warnings,
    readMs: Math.round(readMs),
  };
}

async function checkModalities(options: PrepareOptions, missing: readonly Modality[]): Promise<void> {
  const { spec: { modalities }, images, templates, reference, directory } = options;
  const unknown = Object.keys(images).find((m) => !modalities.includes(m as Modality));
  if (unknown !== undefined) {
    throw new InferenceError("unknown-modality", `Cannot use ${unknown}: the model takes ${modalities.join(", ")}`);
  }
  if (reference !== undefined && images[reference] === undefined) {
    throw new InferenceError(
      "unknown-modality",
      `Cannot write the mask on the grid of ${reference}: expected one of the images given, ` +
        `${Object.keys(images).join(", ")}`,
    );
  }
  if (missing.length === 0) return;
  if (missing.length < modalities.length && templates !== undefined) return;
  const there = directory === undefined ? [] : await templatesIn(directory, missing);
  throw new InferenceError(
    "missing-modality",
    `Cannot run the model: it takes ${modalities.join(", ")}; missing: ${missing.join(", ")}` +
      (there.length === 0 || missing.length === modalities.length
        ? ""
        : there.length < missing.length
        ? `. It has templates of ${there.join(", ")} alone`
        : `. It has templates of ${there.join(", ")}: ${TEMPLATES_WISH} lets them stand in`),
  );
}

async function standInsFor(
  missing: readonly Modality[],
  { templates, spec: { modalities, preprocessing } }: PrepareOptions,
) {
  if (missing.length === 0) return new Map<Modality, GridImage>();
  const standIns = await templatesOf(missing, { templates, spec: { modalities, preprocessing } });
  const without = missing.find((m) => !standIns.has(m));
  if (without !== undefined) {
    throw new InferenceError("template-missing", `Cannot stand in for ${without}: the model has no template of it`);
  }
  return standIns;
}

/** The model's templates of some modalities, where it has them, on the scale of their images. */
async function templatesOf(
  wanted: readonly Modality[],
  { templates, spec: { modalities, preprocessing } }: Pick<PrepareOptions, "templates" | "spec">,
): Promise<Map<Modality, GridImage>> {
  const found = new Map<Modality, GridImage>();
  for (const modality of wanted) {
    const normalisation = normalisationOf(preprocessing, modalities.indexOf(modality));
    const template = await readTemplate(templates!.directory, modality, { normalisation });
    if (template !== null) found.set(modality, template);
  }
  return found;
}

/** One volume alone, as {@link prepare} brings it to the grid of a network of one channel; its own voxels stay. */
export function prepareAlone(
  name: string,
  { volume, foreground }: { volume: Volume; foreground: Foreground },
  preprocessing: Preprocessing,
): { readonly channels: readonly Float32Array[]; readonly grid: Grid } {
  const assembly = new Assembly(volume, preprocessing);
  assembly.add({ name, channel: 0, image: { ...volume, data: volume.data.slice() }, foreground });
  const { channels, grid } = assembly.finish();
  return { channels: [...channels.values()], grid };
}

/** @throws {InferenceError} `invalid-volume`: the volume is empty or constant */
export function foregroundOf(name: string, volume: GridImage): Foreground {
  const foreground = findForeground(volume);
  if (foreground.box !== null) return foreground;
  throw new InferenceError(
    "invalid-volume",
    `${name}: the volume shows nothing: expected tissue before a background, got ${+foreground.background.toPrecision(
      6,
    )} ` +
      "in every voxel (or all but a few). Check that the file is the one that you meant",
  );
}

function checkTogether(
  { name, grid }: { name: string; grid: Grid },
  first: { name: string; grid: Grid },
  warnings: Warning[],
): void {
  checkOverlap(first.grid, grid, `${name} with ${first.name}`);
  if (sameGrid(first.grid, grid)) return;
  warnings.push({
    code: "grids-differ",
    detail: `${name} is not on the grid of ${first.name}: each was resampled once, by its own position`,
  });
}

/** @throws {InferenceError} `no-overlap` */
export function checkOverlap(reference: Grid, grid: Grid, which: string): void {
  const share = gridOverlap(reference, grid);
  if (share >= LEAST_OVERLAP) return;
  throw new InferenceError(
    "no-overlap",
    `Cannot combine ${which}: they share ${Math.round(share * 100)} % of their space, ` +
      `expected at least ${LEAST_OVERLAP * 100} %`,
  );
}

/**
 * A label map of whole numbers on its own grid, placed as the case's images are.
 * @throws {InferenceError} the file is no usable label map or lies elsewhere
 */
export async function readLabel(
  path: string,
  { headers, reference }: Pick<Prepared, "headers" | "reference">,
): Promise<GridImage> {
  const { data, header } = await readLabelMap(path);
  const { sizeVox, affineRas } = placedBeside({ name: "label", header }, headers, []);
  checkOverlap(reference.grid, { sizeVox, affineRas }, "the label map with the images");
  return { data, sizeVox, affineRas };
}
