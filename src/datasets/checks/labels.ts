/** From a data set's regions to the labels of a model: the value each is written with, and its colour. */
import { DomainError } from "../../storage/mod.ts";
import { LABEL_COLOURS } from "../../registry/mod.ts";
import type { Label } from "../../inference/mod.ts";
import type { DatasetLabel } from "../types.ts";

/**
 * Fills in what regions leave open. A region is written with a value of its own that no later region has, so that
 * writing the regions in order gives the reference label map back: WT {1, 2, 4}, TC {1, 4}, ET {4} get 2, 1, 4.
 * @throws {DomainError} `invalid-dataset`
 */
export function labelsOf(regions: readonly DatasetLabel[]): Label[] {
  const taken = new Set<number>();
  const labels = regions.map((region, i): Label => {
    const { name, values, colour = LABEL_COLOURS[i % LABEL_COLOURS.length] } = region;
    const later = new Set(regions.slice(i + 1).flatMap((r) => r.values));
    const own = values.filter((v) => !later.has(v) && !taken.has(v) && v <= 255);
    const value = region.value ?? (own.length > 0 ? Math.min(...own) : firstFree(regions, taken));
    if (taken.has(value)) throw refuse(`two labels are written as ${value}`);
    taken.add(value);
    return { name, value, sourceValues: [...values].sort((a, b) => a - b), colour };
  });
  if (new Set(labels.map((l) => l.name)).size < labels.length) throw refuse("two labels have the same name");
  return labels;
}

function firstFree(regions: readonly DatasetLabel[], taken: ReadonlySet<number>): number {
  const used = new Set([...taken, ...regions.flatMap((r) => [...r.values, ...r.value ? [r.value] : []])]);
  for (let value = 1; value <= 255; value++) if (!used.has(value)) return value;
  throw refuse("more labels than 255 values can tell apart");
}

function refuse(why: string): DomainError {
  return new DomainError("invalid-dataset", `Cannot make the data set: ${why}`);
}
