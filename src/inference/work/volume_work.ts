/** What it would take to read one file, by its header and its size on disk. */
import { stat } from "node:fs/promises";
import { readVolumeHeader, type Triple, type VolumeHeader, voxelsOf } from "../../volume/mod.ts";
import { DEFAULT_BUDGET, inBytes, MOST_ALONG_AXIS, type WorkBudget } from "../budget.ts";

/** Unpacked over stored size, of images that unpack to more than {@link RATIO_FROM}: a head compresses by 2 to 20. */
const MOST_RATIO = 500;
/** Smaller images do no harm. Label maps may have any ratio: most of one is background. */
const RATIO_FROM = 2 ** 26;

export interface VolumeWork {
  readonly header: Pick<VolumeHeader, "sizeVox" | "datatype">;
  /** Of the file. */
  readonly fileBytes: number;
  readonly isLabel?: boolean;
}

/** Why reading a file would be too much, with the figures; null: it would not. */
export function volumeExcess(
  { header: { sizeVox, datatype }, fileBytes, isLabel = false }: VolumeWork,
  budget: Pick<WorkBudget, "voxels"> = DEFAULT_BUDGET,
): string | null {
  const size = sizeExcess(sizeVox, budget);
  if (size !== null) return `the file promises ${size}`;
  const bytes = voxelsOf(sizeVox) * datatype.bytes;
  if (isLabel || bytes <= RATIO_FROM || bytes <= MOST_RATIO * fileBytes) return null;
  return `the file has ${inBytes(fileBytes)} and would unpack to ${inBytes(bytes)}, ${
    Math.round(bytes / fileBytes)
  } times as much, expected at most ${MOST_RATIO} times for an image: one value nearly everywhere`;
}

/** Why a size is too much, with the figures; null: it is not. */
export function sizeExcess(sizeVox: Triple, { voxels }: Pick<WorkBudget, "voxels">): string | null {
  const size = sizeVox.join("×");
  if (Math.max(...sizeVox) > MOST_ALONG_AXIS) {
    return `${size} voxels, expected at most ${MOST_ALONG_AXIS} along an axis`;
  }
  const all = voxelsOf(sizeVox);
  return all <= voxels ? null : `${size} = ${all} voxels, expected at most ${voxels}`;
}

/** {@link volumeExcess} of a file. @throws {VolumeError} its header cannot be read */
export async function fileExcess(
  path: string,
  { isLabel = false, budget = DEFAULT_BUDGET }: { readonly isLabel?: boolean; readonly budget?: WorkBudget } = {},
): Promise<string | null> {
  const header = await readVolumeHeader(path), { size: fileBytes } = await stat(path);
  return volumeExcess({ header, fileBytes, isLabel }, budget);
}
