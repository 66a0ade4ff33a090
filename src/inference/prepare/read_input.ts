/** Reads the files that a request names. Faults are reported under the modality's name: a file's may be a patient's. */
import { labelMap, readVolume, type Volume, VolumeError } from "../../volume/mod.ts";
import type { WorkBudget } from "../budget.ts";
import { fileExcess } from "../work/volume_work.ts";
import { InferenceError, type Warning } from "../types.ts";

/** @throws {InferenceError} `invalid-volume`: it is no usable volume; `too-much-work`: its header promises too much */
export async function readInput(path: string, name: string, budget?: WorkBudget): Promise<Volume> {
  await refuseExcess(name, () => fileExcess(path, { budget }));
  return await named(name, () => readVolume(path));
}

/** @throws {InferenceError} `too-much-work`: its header promises more than the budget */
async function refuseExcess(name: string, excess: () => Promise<string | null>): Promise<void> {
  const why = await named(name, excess);
  if (why !== null) throw new InferenceError("too-much-work", `${name}: ${why}`);
}

/** The same, with a warning where voxels are no numbers. */
export async function readModality(
  path: string,
  name: string,
  { warnings, budget }: { readonly warnings: Warning[]; readonly budget?: WorkBudget | undefined },
): Promise<Volume> {
  const volume = await readInput(path, name, budget);
  if (volume.nonFiniteVoxels > 0) {
    warnings.push({
      code: "non-finite",
      detail: `${name}: ${volume.nonFiniteVoxels} voxels are no numbers and read as 0`,
    });
  }
  return volume;
}

/** A label map's voxels as whole numbers. @throws {InferenceError} `invalid-volume`, `too-much-work` */
export async function readLabelMap(path: string): Promise<Volume> {
  await refuseExcess("label", () => fileExcess(path, { isLabel: true }));
  return await named("label", async () => {
    const volume = await readVolume(path);
    return { ...volume, data: labelMap(volume.data) };
  });
}

/** Runs a reading, and reports its faults under a name. @throws {InferenceError} `invalid-volume` */
export async function named<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new InferenceError("invalid-volume", `${name}: ${error.message}`, { cause: error });
  }
}
