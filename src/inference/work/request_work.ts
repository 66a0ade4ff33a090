/** What a request would take, by the headers of its files: for those who take requests in and read no voxels. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Grid, readVolumeHeader, VolumeError } from "../../volume/mod.ts";
import type { Modality } from "../modalities.ts";
import type { InferenceRequest, SegmentRequest } from "../types.ts";
import { caseExcess } from "./case_work.ts";
import { fileExcess } from "./volume_work.ts";

export type RequestWork =
  & Pick<InferenceRequest, "directory" | "spec" | "images" | "budget">
  & Partial<Pick<SegmentRequest, "output" | "reference">>;

/** The size of a package's network; 0 where it has none. */
export async function networkBytesOf(directory: string): Promise<number> {
  return await stat(join(directory, "network.onnx")).then(({ size }) => size, () => 0);
}

/**
 * Why a request would be too much, with the figures; null: it would not, or a header cannot be read: the work itself reports
 * that.
 */
export async function requestExcess(
  { directory, spec, images, budget, output, reference }: RequestWork,
): Promise<string | null> {
  const grids = new Map<Modality, Grid>();
  try {
    for (const name of spec.modalities) {
      const path = images[name];
      if (path === undefined) continue;
      const excess = await fileExcess(path, { budget });
      if (excess !== null) return `${name}: ${excess}`;
      grids.set(name, await readVolumeHeader(path));
    }
  } catch (error) {
    if (error instanceof VolumeError) return null;
    throw error;
  }
  if (grids.size === 0) return null;
  const target = grids.get(reference ?? (Object.keys(images) as Modality[])[0]);
  return caseExcess({
    spec,
    grids: [...grids.values()],
    target: output === undefined || target === undefined ? undefined : { grid: target, output },
    networkBytes: await networkBytesOf(directory),
  }, budget);
}
