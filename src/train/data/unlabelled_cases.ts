/**
 * Cases for pre-training, prepared once (docs/method B.2.1): any number of modalities, each on a grid of its own, are
 * brought onto one grid, cropped about the middle and mapped to [0, 1]. Methods draw their samples from these.
 */
import {
  DEFAULT_BUDGET,
  foregroundOf,
  InferenceError,
  MODALITIES,
  type Modality,
  normalise,
  readInput,
  sizeExcess,
} from "../../inference/mod.ts";
import {
  applyAffine,
  type Box,
  crop,
  type Foreground,
  type Grid,
  gridOverlap,
  latticeBox,
  latticeGrid,
  latticeOf,
  LEAST_OVERLAP,
  perAxis,
  sampleOnto,
  scaleIntensityPercentiles,
  spacingOf,
  type Triple,
  union,
  type Volume,
  voxelsOf,
} from "../../volume/mod.ts";
import { caseKey, CaseStore } from "./case_store.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import type { PretrainingCase } from "../types.ts";

/**
 * Where a case lies in the space of templates. `middle`: the middle of the image on the middle of the templates. `nowhere`: it
 * shows too little. Else by anatomy: millimetres of the case from the templates' middle to its first voxel, and the case's
 * size over that of the templates.
 */
export type Place = "middle" | "nowhere" | { readonly originMm: Triple; readonly scale: number };

/** How a case lies: its turn against the templates (3×3, row-major), its size over theirs, where their middle lies in it. */
export interface Upright {
  readonly turn: readonly number[];
  readonly scale: number;
  readonly middleMm: Triple;
}

/** A case ready for cropping: arrays [X, Y, Z] of one size, RAS. */
export interface PretrainingVolumes {
  readonly sizeVox: Triple;
  readonly modalities: readonly Modality[];
  /** In the order of `modalities`, intensities in [0, 1]. */
  readonly channels: readonly Float32Array[];
  /** Where the middle of the arrays lies, RAS millimetres of the files. */
  readonly centreMm: Triple;
  /** Voxels to RAS millimetres of the files. */
  readonly affineRas: readonly number[];
  readonly place: Place;
}

export interface PretrainingCasesOptions {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: Pick<PretrainingBase, "spacingMm" | "percentiles" | "percentilesOver">;
  readonly directory: string;
  /** How each case lies, null: nowhere in the templates. Absent: middle on middle. */
  readonly uprights?: readonly (Upright | null)[] | undefined;
  readonly onCase?: (done: number, total: number) => void;
  readonly cacheBytes?: number;
  /** True: the reference on which cases are laid is made of the first ones that are given with this folder, and kept. */
  readonly keepsReference?: boolean;
}

/** Changes with the form of a stored case. */
const FORM = 2;

/**
 * Prepares every case that is not on disk yet.
 * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
 */
export async function openPretrainingCases(
  { cases, recipe, directory, uprights, onCase, cacheBytes }: PretrainingCasesOptions,
): Promise<CaseStore<PretrainingVolumes>> {
  return await CaseStore.open({
    directory,
    keys: await pretrainingKeys({ cases, recipe, uprights }),
    prepare: (i) => preparePretrainingCase(cases[i], recipe, uprights?.[i]),
    pack: ({ sizeVox, channels, ...header }) => ({
      header,
      sizeVox,
      floats: channels,
      masks: [],
    }),
    unpack: ({ header, sizeVox, floats }) => ({ ...header, sizeVox, channels: floats }),
    cacheBytes,
    onCase,
  });
}

/** The key of every case: changes with its files, how it is prepared, and how it lies. */
export async function pretrainingKeys(
  { cases, recipe: { spacingMm, percentiles, percentilesOver }, uprights }: Pick<
    PretrainingCasesOptions,
    "cases" | "recipe" | "uprights"
  >,
): Promise<string[]> {
  const common = ["pretraining", FORM, spacingMm, percentiles, percentilesOver];
  return await Promise.all(
    cases.map(({ images }, i) => caseKey(i, { files: images, settings: [...common, uprights?.[i]] })),
  );
}

/**
 * Reads one case, turned upright where it is known how it lies.
 * @throws {InferenceError} a file is no usable volume or is empty, grids do not overlap
 */
export async function preparePretrainingCase(
  { images }: PretrainingCase,
  { spacingMm, percentiles, percentilesOver }: PretrainingCasesOptions["recipe"],
  upright?: Upright | null,
): Promise<PretrainingVolumes> {
  const modalities = MODALITIES.filter((m) => images[m] !== undefined);
  const volumes: Volume[] = [];
  for (const m of modalities) volumes.push(await readInput(images[m]!, m));
  const first = widest(volumes), mapping = { ...percentiles, clip: true };
  const entry = { kind: "percentiles", over: "foreground", ...mapping } as const;
  const apart = volumes.findIndex((volume) => gridOverlap(volume, volumes[first]) < LEAST_OVERLAP);
  if (apart >= 0) {
    throw new InferenceError("no-overlap", `${modalities[apart]} does not overlap ${modalities[first]} in space`);
  }
  const foregrounds = volumes.map((volume, i) => foregroundOf(modalities[i], volume));
  const shown = volumes.map((volume, i) => ({ volume, foreground: foregrounds[i] }));
  const { grid, box } = upright
    ? uprightField(shown, { upright, spacingMm })
    : middleField(shown, { first, spacingMm });
  const excess = sizeExcess(grid.sizeVox, DEFAULT_BUDGET);
  if (excess !== null) throw new InferenceError("too-much-work", `the grid of the case would have ${excess}`);
  const channels = volumes.map((volume, i): Float32Array => {
    if (percentilesOver === "foreground") normalise([{ image: volume, foreground: foregrounds[i] }], () => entry);
    const whole = { ...grid, data: sampleOnto(volume, grid, { interpolation: "linear" }) };
    const { data } = crop(whole, box);
    return percentilesOver === "volume" ? scaleIntensityPercentiles(data, mapping) : data;
  });
  const { sizeVox, affineRas } = latticeGrid(grid.affineRas, box);
  return {
    sizeVox,
    modalities,
    channels,
    centreMm: applyAffine(affineRas, perAxis((axis) => (sizeVox[axis] - 1) / 2)),
    affineRas,
    place: upright ? placeOf(upright, affineRas) : upright === null ? "nowhere" : "middle",
  };
}

interface Shown {
  readonly volume: Volume;
  readonly foreground: Foreground;
}

/** A grid that covers the volumes, and the part of it that is kept. */
interface Field {
  readonly grid: Grid;
  readonly box: Box;
}

/** Along the first volume's axes; tissue, symmetric about the middle of the image (docs/method B.2.1). */
function middleField(shown: readonly Shown[], { first, spacingMm }: { first: number; spacingMm: Triple }): Field {
  const { lattice, box: field } = latticeOf(shown[first].volume, { spacingMm }), grid = latticeGrid(lattice, field);
  const tissue = tissueOn(lattice, shown);
  const inField = {
    start: perAxis((a) => Math.max(tissue.start[a] - field.start[a], 0)),
    end: perAxis((a) => Math.min(tissue.end[a], field.end[a]) - field.start[a]),
  };
  return { grid, box: middleBox(inField, grid.sizeVox) };
}

/** Turned as the templates are, by whole voxels from their middle; the tissue. */
function uprightField(
  shown: readonly Shown[],
  { upright: { turn, middleMm }, spacingMm: [x, y, z] }: { upright: Upright; spacingMm: Triple },
): Field {
  const [a, b, c, d, e, f, g, h, i] = turn, [ox, oy, oz] = middleMm;
  const lattice = [a * x, b * y, c * z, ox, d * x, e * y, f * z, oy, g * x, h * y, i * z, oz, 0, 0, 0, 1];
  const grid = latticeGrid(lattice, tissueOn(lattice, shown));
  // the box of a turned box is too wide
  const boxes = shown.map(({ volume: { sizeVox, affineRas }, foreground: { mask } }) =>
    boxOf(sampleOnto({ sizeVox, affineRas, data: mask }, grid, { interpolation: "nearest" }), grid.sizeVox)
  );
  return { grid, box: boxes.reduce(union) };
}

const tissueOn = (lattice: readonly number[], shown: readonly Shown[]) =>
  shown.map(({ volume, foreground }) => latticeBox(lattice, volume, foreground.box!)).reduce(union);

/** The box around the voxels of a mask; all where it has none. */
function boxOf(mask: Uint8Array, sizeVox: Triple): Box {
  const low = [...sizeVox], high = [0, 0, 0];
  for (let x = 0, v = 0; x < sizeVox[0]; x++) {
    for (let y = 0; y < sizeVox[1]; y++) {
      for (let z = 0; z < sizeVox[2]; z++, v++) {
        if (mask[v] === 0) continue;
        [x, y, z].forEach((at, a) => {
          low[a] = Math.min(low[a], at);
          high[a] = Math.max(high[a], at + 1);
        });
      }
    }
  }
  return high[0] === 0
    ? { start: [0, 0, 0], end: sizeVox }
    : { start: perAxis((a) => low[a]), end: perAxis((a) => high[a]) };
}

/** Where the first voxel lies, seen along the templates' axes. */
function placeOf({ turn, scale, middleMm }: Upright, affineRas: readonly number[]): Place {
  const from = perAxis((r) => affineRas[4 * r + 3] - middleMm[r]);
  return { originMm: perAxis((a) => turn[a] * from[0] + turn[3 + a] * from[1] + turn[6 + a] * from[2]), scale };
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
