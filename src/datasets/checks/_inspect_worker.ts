/** The thread behind {@link Inspector}: reads a volume and reports on it. */
import { answerTasks } from "../../process/mod.ts";
import { factsOf, labelFactsOf, quickTissue } from "../../inference/mod.ts";
import { labelMap, readVolume, VolumeError, wholeLabel } from "../../volume/mod.ts";
import { type FileInfo, type InspectReply, type InspectRequest, MAX_VALUES } from "./inspect.ts";

answerTasks(async ({ path, isLabel }: InspectRequest): Promise<InspectReply> => {
  try {
    return { info: await inspect(path, isLabel) };
  } catch (error) {
    const isContent = error instanceof VolumeError;
    return { error: isContent ? error.message : "failed", isContent };
  }
});

async function inspect(path: string, isLabel: boolean): Promise<FileInfo> {
  const volume = await readVolume(path);
  const { sizeVox, affineRas, nonFiniteVoxels, data, header: { positioned, doubts } } = volume;
  const info = { sizeVox, affineRas, nonFiniteVoxels, positioned };
  if (!isLabel) return { ...info, facts: factsOf(volume, quickTissue(volume)) };
  const values = valuesOf(data);
  const labels = values.every((v) => wholeLabel(v) === v)
    ? labelFactsOf({ ...volume, data: labelMap(data) })
    : undefined;
  return { ...info, values, labels, doubts };
}

function valuesOf(data: Float32Array): number[] {
  const values = new Set<number>();
  let last = NaN;
  for (const value of data) {
    if (value === last) continue; // neighbours are mostly equal
    last = value;
    // A value between labels stays: the check of the case shows it.
    if (values.add(wholeLabel(value) ?? value).size > MAX_VALUES) {
      throw new VolumeError(`Cannot use a label map: expected at most ${MAX_VALUES} different values, got more`);
    }
  }
  return [...values].sort((a, b) => a - b);
}
