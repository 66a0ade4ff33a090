/** Gaussian blur, by one pass an axis; the crop is mirrored at its borders. */
import { perAxis, type Triple } from "../../../volume/mod.ts";
import { between, forEach, happens, type IntensityKind } from "./kind.ts";

export const blur: IntensityKind = {
  name: "blur",
  draw({ blur: { chance, perModality, smallestVox, largestVox } }, { channels, size }, random) {
    if (!happens(chance, random)) return null;
    return forEach(channels, () => {
      if (!happens(perModality, random)) return null;
      const sigmaVox = perAxis(() => between(smallestVox, largestVox, random));
      return (data) => blurred(data, { size, sigmaVox });
    });
  },
};

/** The kernel ends at this many deviations. */
const REACH = 4;

export function blurred(
  data: Float32Array,
  { size, sigmaVox }: { readonly size: Triple; readonly sigmaVox: Triple },
): Float32Array {
  const strides = [size[1] * size[2], size[2], 1];
  return [0, 1, 2].reduce(
    (from, a) => alongAxis(from, { count: size[a], stride: strides[a], sigma: sigmaVox[a] }),
    data,
  );
}

function alongAxis(
  from: Float32Array,
  { count, stride, sigma }: { readonly count: number; readonly stride: number; readonly sigma: number },
): Float32Array {
  const kernel = gaussian(sigma), reach = (kernel.length - 1) / 2;
  const out = new Float32Array(from.length), block = count * stride;
  for (let i = 0; i < count; i++) {
    for (let k = -reach; k <= reach; k++) {
      const weight = kernel[k + reach], shift = (mirrored(i + k, count) - i) * stride;
      // whole rows at a time: the innermost loop runs over neighbours in memory where the axis is not the last
      for (let start = i * stride; start < from.length; start += block) {
        for (let v = start; v < start + stride; v++) out[v] += weight * from[v + shift];
      }
    }
  }
  return out;
}

/** Weights that sum to 1. */
function gaussian(sigma: number): Float64Array {
  const reach = Math.floor(REACH * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

/** The index that an index outside shows, mirrored about the outer voxels' centres. */
function mirrored(index: number, count: number): number {
  if (count === 1) return 0;
  const period = 2 * (count - 1), at = ((index % period) + period) % period;
  return at < count ? at : period - at;
}
