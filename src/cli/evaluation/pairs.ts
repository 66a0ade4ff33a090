/** Pairs of a predicted and a reference label map: found by name, read, and brought onto one grid. Scores nothing. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  gridOverlap,
  labelMap,
  LEAST_OVERLAP,
  readVolume,
  resampleToGrid,
  sameGrid,
  spacingOf,
  splitVolumePath,
  type Volume,
  VOLUME_ENDINGS,
  VolumeError,
  voxelMl,
} from "../../volume/mod.ts";
import { CommandError } from "../terminal/errors.ts";

export interface PairPaths {
  readonly name: string;
  readonly prediction: string;
  readonly reference: string;
}

/** Label maps on the prediction's grid. */
export interface Pair {
  readonly truth: Volume;
  readonly guess: Volume;
}

/** Receives what is odd, as a sentence that names cases by their number. */
export type Note = (warning: string) => void;

/**
 * The reference and the prediction of each name, in the order of names.
 * @throws {CommandError} a folder cannot be read, or a reference has no prediction
 */
export async function findPairs(folders: { prediction: string; reference: string }, note: Note): Promise<PairPaths[]> {
  const predicted = await masksIn(folders.prediction, "--prediction");
  const expected = await masksIn(folders.reference, "--reference");
  const missing = [...expected.keys()].filter((name) => !predicted.has(name)).length;
  if (missing > 0) {
    throw new CommandError(
      "missing-prediction",
      `Cannot evaluate: expected a prediction of the same name for each of ${expected.size} references, ` +
        `${missing} have none`,
    );
  }
  const left = predicted.size - expected.size;
  if (left > 0) note(`${left} of ${predicted.size} predictions have no reference and are left out`);
  return [...expected].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, reference]) => ({ name, reference, prediction: predicted.get(name)! }));
}

/** Volume files of a folder by name without ending; systems differ in how they store accents. */
async function masksIn(folder: string, flag: string): Promise<Map<string, string>> {
  const entries = await readdir(folder).catch((error) => {
    const got = error?.code === "ENOTDIR" ? "expected a folder of masks, got a file" : "there is no such folder";
    throw new CommandError("not-found", `Cannot read ${flag}: ${got}`);
  });
  const masks = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.startsWith(".") ? undefined : splitVolumePath(entry)?.stem.normalize("NFC");
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

/**
 * Reads a pair; a reference on another grid is resampled onto the prediction's.
 * @param place how messages name the case: "case 1 of 3"
 * @throws {CommandError} a file is no label map, or the grids share no space
 */
export async function readPair({ prediction, reference }: PairPaths, place: string, note: Note): Promise<Pair> {
  const truth = await readMask(reference, `the reference of ${place}`, note);
  const guess = await readMask(prediction, `the prediction of ${place}`, note);
  if (guess.header.doubts.some((d) => d.code === "sheared")) {
    note(`${place}: hd95_mm is measured on a grid at right angles, onto which the sheared one is resampled`);
  }
  return { guess, truth: onGridOf(guess, truth, place, note) };
}

async function readMask(path: string, what: string, note: Note): Promise<Volume> {
  try {
    const volume = await readVolume(path);
    for (const { detail } of volume.header.doubts) note(`${what}: ${detail}`);
    if (volume.nonFiniteVoxels > 0) note(`${what}: ${volume.nonFiniteVoxels} voxels are no numbers and read as 0`);
    return { ...volume, data: labelMap(volume.data) };
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new CommandError("invalid-volume", `Cannot use ${what}: ${error.message}`, { cause: error });
  }
}

function onGridOf(guess: Volume, truth: Volume, place: string, note: Note): Volume {
  if (sameGrid(truth, guess)) return truth;
  const grids = `${gridText(guess)} and ${gridText(truth)}`;
  if (!truth.header.positioned || !guess.header.positioned) {
    const which = truth.header.positioned
      ? "the prediction"
      : guess.header.positioned
      ? "the reference"
      : "neither file";
    const lacks = `${which} has ${which === "neither file" ? "a" : "no"} position (sform_code and qform_code are 0)`;
    if (!alike(guess, truth)) {
      throw new CommandError(
        "grids-differ",
        `Cannot evaluate ${place}: ${lacks}; expected voxels of one size and number, got ${grids}`,
      );
    }
    note(`${place}: ${lacks}; the voxels of prediction and reference are compared one by one`);
    return { ...truth, sizeVox: guess.sizeVox, affineRas: guess.affineRas };
  }
  const share = Math.max(gridOverlap(guess, truth), gridOverlap(truth, guess));
  if (share < LEAST_OVERLAP) {
    throw new CommandError(
      "no-overlap",
      `Cannot evaluate ${place}: prediction and reference share ${
        Math.round(100 * share)
      } % of their space, expected ` +
        `at least ${100 * LEAST_OVERLAP} %, got ${grids}`,
    );
  }
  const resampled = { ...truth, ...resampleToGrid(truth, guess, { interpolation: "nearest" }) };
  note(
    `${place}: the reference was resampled onto the prediction's grid (${gridText(truth)} to ${gridText(guess)}); ` +
      `its labels take ${labelledMl(resampled)} mL there, ${labelledMl(truth)} mL in the file`,
  );
  return resampled;
}

/** Voxels of one size and number: files without a position are compared by them. */
function alike(a: Volume, b: Volume): boolean {
  const [p, q] = [spacingOf(a.affineRas), spacingOf(b.affineRas)];
  return a.sizeVox.every((n, i) => n === b.sizeVox[i]) && p.every((s, i) => Math.abs(s - q[i]) <= 0.01 * s);
}

function labelledMl({ data, affineRas }: Volume): number {
  let voxels = 0;
  for (const value of data) if (value !== 0) voxels++;
  return +(voxels * voxelMl(affineRas)).toPrecision(4);
}

function gridText({ sizeVox, affineRas }: Volume): string {
  return `${sizeVox.join("×")} voxels of ${spacingOf(affineRas).map((s) => +s.toFixed(3)).join("×")} mm`;
}
