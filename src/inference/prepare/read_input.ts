/** Reads a file that a request names; what is wrong with it is told under its modality's name, never under the file's. */
import { readVolume, VolumeError } from "../../volume/mod.ts";
import { InferenceError } from "../types.ts";

/** @throws {InferenceError} `invalid-volume`: it is no usable volume */
export async function readInput(path: string, name: string): ReturnType<typeof readVolume> {
  try {
    return await readVolume(path);
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new InferenceError("invalid-volume", `${name}: ${error.message}`, { cause: error });
  }
}
