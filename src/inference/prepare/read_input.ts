/** Reads the files that a request names. Faults are reported under the modality's name: a file's may be a patient's. */
import { readVolume, type Volume, VolumeError } from "../../volume/mod.ts";
import { InferenceError, type Warning } from "../types.ts";

/** @throws {InferenceError} `invalid-volume`: it is no usable volume */
export async function readInput(path: string, name: string): Promise<Volume> {
  try {
    return await readVolume(path);
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new InferenceError("invalid-volume", `${name}: ${error.message}`, { cause: error });
  }
}

/** The same, with a warning where voxels are no numbers. */
export async function readModality(path: string, name: string, warnings: Warning[]): Promise<Volume> {
  const volume = await readInput(path, name);
  if (volume.nonFiniteVoxels > 0) {
    warnings.push({
      code: "non-finite",
      detail: `${name}: ${volume.nonFiniteVoxels} voxels are no numbers and read as 0`,
    });
  }
  return volume;
}
