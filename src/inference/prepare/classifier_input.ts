/** The input of classifiers: whole volumes resized, of which the network sees the centre. */
import {
  centreBox,
  cutWindow,
  type Foreground,
  type Grid,
  padBox,
  perAxis,
  resizeTrilinear,
  roundHalfEven,
  type Triple,
  type Volume,
} from "../../volume/mod.ts";
import type { Preprocessing } from "../preprocessing.ts";
import type { ModelSpec } from "../spec.ts";
import { prepareAlone } from "./preprocess.ts";

/** The classifier's input [C, …roi]: every channel resized, then the centre of `roi`. */
export function classifierInput(
  { channels, grid }: { readonly channels: readonly Float32Array[]; readonly grid: Grid },
  { preprocessing, inference: { roi } }: Pick<ModelSpec, "preprocessing" | "inference">,
): Float32Array {
  const size = preprocessing.resize ?? roi;
  return centreOf(resizedChannels({ channels, grid }, { preprocessing, size }), size, roi);
}

/** Channels resized: each axis to its size, or all by the factor that fits, the rest 0 on both sides. */
export function resizedChannels(
  { channels, grid: { sizeVox } }: { readonly channels: readonly Float32Array[]; readonly grid: Grid },
  { preprocessing: { keepAspect = false }, size }: {
    readonly preprocessing: Pick<Preprocessing, "keepAspect">;
    readonly size: Triple;
  },
): Float32Array[] {
  const factor = Math.min(...size.map((n, a) => n / sizeVox[a]));
  const fitting = keepAspect ? perAxis((a) => Math.max(roundHalfEven(sizeVox[a] * factor), 1)) : size;
  return channels.map((data) => {
    const resized = resizeTrilinear(data, sizeVox, { size: fitting });
    return keepAspect ? cutWindow(resized, fitting, { start: padBox(fitting, size).start, size }) : resized;
  });
}

/** The input [1, …roi] of one volume alone, as `prepare()` and {@link classifierInput} make it. */
export function singleInput(
  name: string,
  seen: { readonly volume: Volume; readonly foreground: Foreground },
  spec: Pick<ModelSpec, "preprocessing" | "inference">,
): Float32Array {
  return classifierInput(prepareAlone(name, seen, spec.preprocessing), spec);
}

/** The centre of every channel [X, Y, Z], one behind the other; where `roi` is larger, 0 on both sides. */
export function centreOf(channels: readonly Float32Array[], sizeVox: Triple, roi: Triple): Float32Array {
  const voxels = roi[0] * roi[1] * roi[2];
  const padded = padBox(sizeVox, roi).start, inside = centreBox(sizeVox, roi).start;
  const start = perAxis((a) => padded[a] + inside[a]);
  const out = new Float32Array(channels.length * voxels);
  channels.forEach((data, c) => out.set(cutWindow(data, sizeVox, { start, size: roi }), c * voxels));
  return out;
}
