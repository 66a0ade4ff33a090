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
  const out = new Float32Array(from.length);
  return stride === 1
    ? alongRows(from, out, { count, kernel, reach })
    : acrossRows(from, out, { count, stride, kernel, reach });
}

interface Kernel {
  readonly count: number;
  readonly kernel: Float64Array;
  readonly reach: number;
}

/** Along the last axis: a row is copied with its mirrored ends, then every voxel is the sum of its neighbours. */
function alongRows(from: Float32Array, out: Float32Array, { count, kernel, reach }: Kernel): Float32Array {
  const row = new Float32Array(count + 2 * reach);
  const source = Int32Array.from(row, (_, i) => mirrored(i - reach, count));
  for (let start = 0; start < from.length; start += count) {
    for (let i = 0; i < row.length; i++) row[i] = from[start + source[i]];
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k] * row[i + k];
      out[start + i] = sum;
    }
  }
  return out;
}

/** Along another axis: whole rows of neighbours in memory are added. */
function acrossRows(
  from: Float32Array,
  out: Float32Array,
  { count, stride, kernel, reach }: Kernel & { readonly stride: number },
): Float32Array {
  const block = count * stride;
  for (let start = 0; start < from.length; start += block) {
    for (let i = 0; i < count; i++) {
      const to = start + i * stride;
      for (let k = -reach; k <= reach; k++) {
        const weight = kernel[k + reach], at = start + mirrored(i + k, count) * stride;
        for (let v = 0; v < stride; v++) out[to + v] += weight * from[at + v];
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
