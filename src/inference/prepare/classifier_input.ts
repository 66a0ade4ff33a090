/** The input of classifiers: whole volumes resized, of which the network sees the centre. */
import {
  centreBox,
  cutWindow,
  type Grid,
  type GridImage,
  padBox,
  perAxis,
  resizeTrilinear,
  type Triple,
} from "../../volume/mod.ts";
import type { ModelSpec } from "../spec.ts";
import type { Prepared } from "./preprocess.ts";
import { cropBox, cropped, toNetworkGrid } from "./steps.ts";

/** The classifier's input [C, …roi]: every channel resized, then the centre of `roi`. */
export function classifierInput(
  { channels, grid }: Pick<Prepared, "channels"> & { readonly grid: Grid },
  { preprocessing, inference: { roi } }: Pick<ModelSpec, "preprocessing" | "inference">,
): Float32Array {
  const size = preprocessing.resize ?? roi;
  return centreOf(channels.map((data) => resizeTrilinear(data, grid.sizeVox, { size })), size, roi);
}

/** The input [1, …roi] of one volume alone, as `prepare()` and {@link classifierInput} make it. */
export function singleInput(volume: GridImage, spec: Pick<ModelSpec, "preprocessing" | "inference">): Float32Array {
  const { preprocessing } = spec;
  const whole = toNetworkGrid(volume, preprocessing);
  const channel = cropped(whole, cropBox([whole.data], whole, preprocessing), preprocessing);
  return classifierInput({ channels: [channel.data], grid: channel }, spec);
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
