/** Weights of a base by the names of their channels and outputs, not by their places. */
import { ANY_MODALITY } from "../../../inference/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";
import type { NameReport } from "../../report/weights.ts";

/** For each entry of an axis here its place in the base; null: the base has none of that name. */
export type Places = readonly (number | null)[];

/** The places of `names` among the base's. */
export function placesOf(names: readonly string[], base: readonly string[]): Places {
  const single = names.length === 1 && base.length === 1;
  // a network of one volume, whatever its modality, has one channel for each of them
  if (single && (names[0] === ANY_MODALITY || base[0] === ANY_MODALITY)) return [0];
  return names.map((name) => {
    const at = base.indexOf(name);
    return at < 0 ? null : at;
  });
}

/** Reports whether every name stands at the same place here and in the base. */
export function isUnmoved(places: Places, base: readonly string[]): boolean {
  return places.length === base.length && places.every((at, i) => at === i);
}

/** `fresh` with the entries along `axis` that the base has, from the places where the base has them. */
export function placed(
  found: Tensor,
  { fresh, axis, places }: { fresh: Tensor; axis: number; places: Places },
): Tensor {
  const block = sizeOf(fresh.shape.slice(axis + 1));
  const data = Float32Array.from(fresh.data as Float32Array);
  for (let outer = 0; outer < sizeOf(fresh.shape.slice(0, axis)); outer++) {
    for (const [i, at] of places.entries()) {
      if (at === null) continue;
      const start = (outer * found.shape[axis] + at) * block;
      data.set((found.data as Float32Array).subarray(start, start + block), (outer * places.length + i) * block);
    }
  }
  return tensor("float32", fresh.shape, data);
}

/** `count` entries along `axis`, each the base's mean divided by `over`. */
export function averaged(
  found: Tensor,
  { axis, count, over = 1 }: { axis: number; count: number; over?: number },
): Tensor {
  const block = sizeOf(found.shape.slice(axis + 1)), entries = found.shape[axis];
  const from = found.data as Float32Array;
  const shape = found.shape.with(axis, count);
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const outer = Math.floor(i / (count * block)), inner = i % block;
    let sum = 0;
    for (let k = 0; k < entries; k++) sum += from[(outer * entries + k) * block + inner];
    return sum / (entries * over);
  });
  return tensor("float32", shape, data);
}

/** Which names the base had, and which of its own have no place here. */
export function nameReport(
  names: readonly string[],
  { base, places, isAveraged = false }: { base: readonly string[]; places: Places; isAveraged?: boolean },
): NameReport {
  const unknown = names.filter((_, i) => places[i] === null);
  return {
    loaded: names.filter((_, i) => places[i] !== null),
    averaged: isAveraged ? unknown : [],
    fresh: isAveraged ? [] : unknown,
    dropped: base.filter((_, at) => !places.includes(at)),
  };
}
