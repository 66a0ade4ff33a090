/** Tiny volume files, and a data set of them, for the tests of data sets and jobs. */
import { spacingAffine, type Triple, writeVolume } from "../../volume/mod.ts";
import { DATASET_WARNINGS } from "../../inference/mod.ts";
import type { CaseCheck } from "../types.ts";
import type { Datasets } from "../store/datasets.ts";

export interface TinyVolume {
  readonly sizeVox?: Triple;
  readonly originMm?: Triple;
  /** Voxel values, repeated to the end; default 0, 1, 2, … */
  readonly values?: readonly number[];
  readonly gzip?: boolean;
}

/** A NIfTI file of a few voxels. */
export async function tinyNifti(volume: TinyVolume = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { sizeVox = [4, 3, 2], originMm = [0, 0, 0], values = [0, 1, 2, 3], gzip = true } = volume;
  const length = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const data = Float32Array.from({ length }, (_, i) => values[i % values.length]);
  const grid = { sizeVox, affineRas: spacingAffine([1, 1, 1], originMm) };
  const path = await Deno.makeTempFile({ suffix: gzip ? ".nii.gz" : ".nii" });
  try {
    await writeVolume(path, { data, grid });
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

export function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream();
}

/** A data set with one case that can be trained on. */
export async function readyDataset(datasets: Datasets): Promise<string> {
  const { id } = await datasets.create({
    name: "Tiny",
    task: "segmentation",
    modalities: ["t1", "flair"],
    labels: [{ name: "lesion", values: [1] }],
  });
  for (const modality of ["t1", "flair"] as const) {
    await datasets.putFile(id, "Müller, A.", modality, streamOf(await tinyNifti()));
  }
  await datasets.putFile(id, "Müller, A.", "label", streamOf(await tinyNifti({ values: [0, 1] })));
  return id;
}

/** The checks but for those of plausibility: tiny volumes are much alike, and their labels reach the border. */
export function besidesPlausibility(checks: readonly CaseCheck[]): CaseCheck[] {
  return checks.filter(({ code, severity }) => severity === "error" || !(code in DATASET_WARNINGS));
}
