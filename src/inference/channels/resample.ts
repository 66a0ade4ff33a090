/** Images brought to a network's grid by the interpolation that its pre-processing states. */
import {
  type Grid,
  type GridImage,
  orientationTo,
  perAxis,
  sampleByAxis,
  sampleOnto,
  spacingOf,
} from "../../volume/mod.ts";
import type { Preprocessing } from "../preprocessing.ts";

/** The axis of the network along which images are interpolated apart; null: none is. */
export type SeparateAxis = 0 | 1 | 2 | null;

/**
 * The network's axis whose voxels are longer than those of another by more than the factor of `separateAxis`: in the file, or
 * else in the network. Two longest axes are none (nnU-Net).
 */
export function separateAxisOf(
  { affineRas }: Grid,
  { spacingMm, separateAxis, ...wish }: Pick<Preprocessing, "spacingMm" | "separateAxis" | "orientation" | "axes">,
): SeparateAxis {
  if (separateAxis === undefined || spacingMm === null) return null;
  const { from } = orientationTo(affineRas, wish), own = spacingOf(affineRas), fileMm = perAxis((a) => own[from[a]]);
  const uneven = [fileMm, spacingMm].find((mm) => Math.max(...mm) / Math.min(...mm) > separateAxis.above);
  if (uneven === undefined) return null;
  const longest = ([0, 1, 2] as const).filter((a) => uneven[a] > (1 - 1e-6) * Math.max(...uneven));
  return longest.length === 1 ? longest[0] : null;
}

/** The image on `target`. */
export function resampled(
  image: GridImage,
  target: Grid,
  { preprocessing, separate }: { preprocessing: Preprocessing; separate: SeparateAxis },
): Float32Array {
  const { interpolation = "linear", alignment, separateAxis } = preprocessing;
  if (separate === null && interpolation !== "cubic") return sampleOnto(image, target, { interpolation });
  return sampleByAxis(image, target, {
    interpolation,
    // skimage, whose alignment this is, limits splines to the values that there are
    limited: alignment === "extent",
    separate: separate === null ? undefined : { axis: separate, interpolation: separateAxis!.interpolation },
  });
}
