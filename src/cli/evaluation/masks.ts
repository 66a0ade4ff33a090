/** Dice and HD95 of two folders of label maps, case by case: one pair is in memory at a time. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { dice, hd95, nanMean, volumeMl } from "../../metrics/mod.ts";
import {
  labelMap,
  readVolume,
  sameGrid,
  spacingOf,
  splitVolumePath,
  type Volume,
  VOLUME_ENDINGS,
  VolumeError,
  voxelMl,
} from "../../volume/mod.ts";
import { CommandError } from "../terminal/errors.ts";

/** Voxel values that are scored as one region; `name` is how the user wrote it. */
export interface Region {
  readonly name: string;
  readonly values: readonly number[];
}

export interface MaskRow {
  /** File name without ending, or "mean". */
  readonly case: string;
  /** Region, or "all". */
  readonly label: string;
  /** NaN where not defined. */
  readonly dice: number;
  readonly hd95Mm: number;
  readonly referenceMl: number;
  readonly predictionMl: number;
}

export interface MaskOptions {
  readonly prediction: string;
  readonly reference: string;
  /** Default: each value that occurs in any file. */
  readonly labels?: readonly Region[];
  readonly onCase?: (done: number, total: number) => void;
}

/** `1,2,1+4` as regions; null when it is no such list. */
export function parseLabels(text: string): Region[] | null {
  const regions = text.split(",").map((name) => ({ name: name.trim(), values: name.split("+").map(Number) }));
  const isFine = regions.every(({ name }) => /^[1-9]\d{0,4}(\+[1-9]\d{0,4})*$/.test(name));
  return isFine && new Set(regions.map((r) => r.name)).size === regions.length ? regions : null;
}

/**
 * Scores every reference against the prediction of its name; predictions without a reference are left alone.
 * @returns the rows of the cases by name, then the means
 * @throws {CommandError} folders, names or grids do not agree; cases are named by their number
 */
export async function scoreMasks({ prediction, reference, labels, onCase }: MaskOptions): Promise<MaskRow[]> {
  const predicted = await masksIn(prediction, "--prediction");
  const expected = await masksIn(reference, "--reference");
  const missing = [...expected.keys()].filter((name) => !predicted.has(name)).length;
  if (missing > 0) {
    throw new CommandError(
      "missing-prediction",
      `Cannot evaluate: expected a prediction of the same name for each of ${expected.size} references, ` +
        `${missing} have none`,
    );
  }
  const cases: MaskRow[][] = [];
  const names = [...expected.keys()].sort();
  for (const [i, name] of names.entries()) {
    const place = `case ${i + 1} of ${names.length}`;
    const truth = await readMask(expected.get(name)!, `the reference of ${place}`);
    const guess = await readMask(predicted.get(name)!, `the prediction of ${place}`);
    if (!sameGrid(truth, guess)) {
      throw new CommandError(
        "grids-differ",
        `Cannot evaluate ${place}: expected prediction and reference on one grid, got ${gridText(guess)} and ` +
          gridText(truth),
      );
    }
    cases.push((labels ?? valuesOf({ truth, guess })).map((region) => scoreRegion(name, region, { truth, guess })));
    onCase?.(i + 1, names.length);
  }
  const complete = labels ? cases : withAbsent(cases, names);
  return [...complete.flat(), ...meansOf(complete)];
}

/** Volume files of a folder by name without ending. */
async function masksIn(folder: string, flag: string): Promise<Map<string, string>> {
  const entries = await readdir(folder).catch(() => {
    throw new CommandError("not-found", `Cannot read ${flag}: there is no such folder`);
  });
  const masks = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.startsWith(".") ? undefined : splitVolumePath(entry)?.stem;
    if (!name) continue;
    if (masks.has(name)) {
      throw new CommandError("ambiguous", `Cannot read ${flag}: a name is there as ${VOLUME_ENDINGS.join(" and ")}`);
    }
    masks.set(name, join(folder, entry));
  }
  if (masks.size === 0) {
    throw new CommandError("not-found", `Cannot read ${flag}: expected ${VOLUME_ENDINGS.join(" or ")} files, got none`);
  }
  return masks;
}

async function readMask(path: string, what: string): Promise<Volume> {
  try {
    const volume = await readVolume(path);
    return { ...volume, data: labelMap(volume.data) };
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new CommandError("invalid-volume", `Cannot use ${what}: ${error.message}`, { cause: error });
  }
}

function scoreRegion(name: string, { name: label, values }: Region, { truth, guess }: Pair): MaskRow {
  const wanted = new Set(values);
  const inside = (v: number) => wanted.has(v) ? 1 : 0;
  const [reference, prediction] = [truth, guess].map(({ data }) => Uint8Array.from(data, inside));
  const spacingMm = spacingOf(truth.affineRas);
  const perVoxel = { voxelMl: voxelMl(truth.affineRas) };
  return {
    case: name,
    label,
    dice: dice(prediction, reference),
    hd95Mm: hd95(prediction, reference, { sizeVox: truth.sizeVox, spacingMm }),
    referenceMl: volumeMl(reference, perVoxel),
    predictionMl: volumeMl(prediction, perVoxel),
  };
}

interface Pair {
  readonly truth: Volume;
  readonly guess: Volume;
}

function valuesOf({ truth, guess }: Pair): Region[] {
  const found = new Set<number>();
  for (const { data } of [truth, guess]) for (const v of data) if (v !== 0) found.add(v);
  return [...found].map((value) => ({ name: String(value), values: [value] }));
}

/** Every case gets a row for every value that occurs in any case. */
function withAbsent(cases: readonly MaskRow[][], names: readonly string[]): MaskRow[][] {
  const labels = [...new Set(cases.flat().map((r) => r.label))].sort((a, b) => Number(a) - Number(b));
  return cases.map((rows, i) =>
    labels.map((label) =>
      rows.find((r) => r.label === label) ??
        { case: names[i], label, dice: NaN, hd95Mm: NaN, referenceMl: 0, predictionMl: 0 }
    )
  );
}

/** Per label the mean over the cases where it is defined, then the mean of these over the labels. */
function meansOf(cases: readonly MaskRow[][]): MaskRow[] {
  const mean = (label: string, rows: readonly MaskRow[]): MaskRow => ({
    case: "mean",
    label,
    dice: nanMean(rows.map((r) => r.dice)),
    hd95Mm: nanMean(rows.map((r) => r.hd95Mm)),
    referenceMl: nanMean(rows.map((r) => r.referenceMl)),
    predictionMl: nanMean(rows.map((r) => r.predictionMl)),
  });
  const labels = cases[0].map((r) => r.label);
  const means = labels.map((label, l) => mean(label, cases.map((rows) => rows[l])));
  return [...means, mean("all", means)];
}

function gridText({ sizeVox, affineRas }: Volume): string {
  return `${sizeVox.join("×")} voxels of ${spacingOf(affineRas).map((s) => +s.toFixed(3)).join("×")} mm`;
}
