/** What is recorded of a case file. It reads the whole volume, so that it runs in children with bounds alone. */
import { DomainError } from "../../storage/mod.ts";
import { factsOf, fileExcess, labelFactsOf, quickTissue } from "../../inference/mod.ts";
import { labelMap, readVolume, VolumeError, wholeLabel } from "../../volume/mod.ts";
import { type FileInfo, MAX_VALUES } from "./inspect.ts";

/** @throws {VolumeError} @throws {DomainError} `too-much-work`: its header promises too much */
export async function inspectFile(path: string, isLabel: boolean): Promise<FileInfo> {
  const excess = await fileExcess(path, { isLabel });
  if (excess !== null) throw new DomainError("too-much-work", `Cannot take the volume: ${excess}`);
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
