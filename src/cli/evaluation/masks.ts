/** Dice and HD95 of two folders of label maps, case by case: one pair is in memory at a time. */
import { dice, hd95, nanMean, volumeMl } from "../../metrics/mod.ts";
import { resampleToGrid, rightAngled, spacingOf, type Volume, voxelMl } from "../../volume/mod.ts";
import { findPairs, type Note, type Pair, readPair } from "./pairs.ts";

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
  readonly onWarning: Note;
}

/** `1,2,1+4` as regions; null when it is no such list. */
export function parseLabels(text: string): Region[] | null {
  const regions = text.split(",").map((name) => ({ name: name.trim(), values: name.split("+").map(Number) }));
  const isFine = regions.every(({ name }) => /^[1-9]\d{0,4}(\+[1-9]\d{0,4})*$/.test(name));
  return isFine && new Set(regions.map((r) => r.name)).size === regions.length ? regions : null;
}

/**
 * Scores every reference against the prediction of its name, on the prediction's grid.
 * @returns the rows of the cases by name, then the means
 * @throws {CommandError} folders, names or grids do not agree; cases are named by their number
 */
export async function scoreMasks({ labels, onCase, onWarning, ...folders }: MaskOptions): Promise<MaskRow[]> {
  const pairs = await findPairs(folders, onWarning);
  const cases: MaskRow[][] = [];
  for (const [i, paths] of pairs.entries()) {
    const pair = await readPair(paths, `case ${i + 1} of ${pairs.length}`, onWarning);
    cases.push((labels ?? valuesOf(pair)).map((region) => scoreRegion(paths.name, region, pair)));
    onCase?.(i + 1, pairs.length);
  }
  const complete = labels ? cases : withAbsent(cases, pairs.map((p) => p.name));
  for (const warning of gapsOf(complete)) onWarning(warning);
  return [...complete.flat(), ...meansOf(complete)];
}

function scoreRegion(name: string, { name: label, values }: Region, { truth, guess }: Pair): MaskRow {
  const wanted = new Set(values);
  const inside = (v: number) => wanted.has(v) ? 1 : 0;
  const [reference, prediction] = [truth, guess].map(({ data }) => Uint8Array.from(data, inside));
  const perVoxel = { voxelMl: voxelMl(truth.affineRas) };
  return {
    case: name,
    label,
    dice: dice(prediction, reference),
    hd95Mm: distance({ prediction, reference }, guess),
    referenceMl: volumeMl(reference, perVoxel),
    predictionMl: volumeMl(prediction, perVoxel),
  };
}

/** HD95 in mm; it measures along axes, so that masks of a sheared grid go to one at right angles. */
function distance(masks: { prediction: Uint8Array; reference: Uint8Array }, { header, sizeVox, affineRas }: Volume) {
  const isSheared = header.doubts.some((d) => d.code === "sheared");
  const grid = isSheared ? rightAngled({ sizeVox, affineRas }) : { sizeVox, affineRas };
  const [prediction, reference] = [masks.prediction, masks.reference].map((mask) => {
    if (!isSheared) return mask;
    const image = { sizeVox, affineRas, data: Float32Array.from(mask) };
    return Uint8Array.from(resampleToGrid(image, grid, { interpolation: "nearest" }).data);
  });
  return hd95(prediction, reference, { sizeVox: grid.sizeVox, spacingMm: spacingOf(grid.affineRas) });
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

/** Labels whose mean says less than it seems to. */
function gapsOf(cases: readonly MaskRow[][]): string[] {
  return cases[0].flatMap(({ label }, l) => {
    const rows = cases.map((all) => all[l]);
    if (rows.every((r) => r.referenceMl === 0 && r.predictionMl === 0)) return [`label ${label} is in no file`];
    const extra = rows.filter((r) => r.referenceMl === 0 && r.predictionMl > 0);
    if (extra.length === 0) return [];
    const ml = +extra.reduce((sum, r) => sum + r.predictionMl, 0).toPrecision(4);
    return [
      `label ${label}: ${extra.length} of ${rows.length} cases are not in its mean, as only the prediction has it ` +
      `(${ml} mL in all)`,
    ];
  });
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
