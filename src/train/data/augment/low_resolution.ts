/** A scan of fewer voxels: the nearest ones are taken, and linear interpolation brings them back onto the crop's grid. */
import { perAxis, type Triple } from "../../../volume/mod.ts";
import { between, forEach, happens, type IntensityKind } from "./kind.ts";

export const lowResolution: IntensityKind = {
  name: "low resolution",
  draw({ lowResolution: { chance, perModality, smallest } }, { channels, size, thick }, random) {
    if (!happens(chance, random)) return null;
    return forEach(channels, () => {
      if (!happens(perModality, random)) return null;
      const share = between(smallest, 1, random);
      // thick slices are of low resolution already
      const fewer = perAxis((a) => a === thick ? size[a] : Math.max(Math.round(share * size[a]), 1));
      return (data) => coarsened(data, { size, fewer });
    });
  },
};

/** As torch's `interpolate` does: `nearest-exact` down to `fewer` voxels, then `trilinear` up. */
export function coarsened(
  data: Float32Array,
  { size, fewer }: { readonly size: Triple; readonly fewer: Triple },
): Float32Array {
  const taken = perAxis((a) => a).map((a) =>
    Int32Array.from({ length: fewer[a] }, (_, i) => Math.min(Math.floor((i + 0.5) * size[a] / fewer[a]), size[a] - 1))
  );
  const [xs, ys, zs] = taken;
  const small = new Float32Array(fewer[0] * fewer[1] * fewer[2]);
  for (let i = 0, v = 0; i < xs.length; i++) {
    for (let j = 0; j < ys.length; j++) {
      const row = (xs[i] * size[1] + ys[j]) * size[2];
      for (let k = 0; k < zs.length; k++, v++) small[v] = data[row + zs[k]];
    }
  }
  const alongZ = grown(small, { outer: fewer[0] * fewer[1], from: fewer[2], to: size[2], inner: 1 });
  const alongY = grown(alongZ, { outer: fewer[0], from: fewer[1], to: size[1], inner: size[2] });
  return grown(alongY, { outer: 1, from: fewer[0], to: size[0], inner: size[1] * size[2] });
}

/** Linear interpolation along the middle axis of [outer, from, inner]. */
function grown(
  data: Float32Array,
  { outer, from, to, inner }: {
    readonly outer: number;
    readonly from: number;
    readonly to: number;
    readonly inner: number;
  },
): Float32Array {
  if (from === to) return data;
  const out = new Float32Array(outer * to * inner);
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max((i + 0.5) * from / to - 0.5, 0), from - 1);
    const low = Math.floor(at), high = Math.min(low + 1, from - 1), weight = at - low;
    for (let o = 0; o < outer; o++) {
      const a = (o * from + low) * inner, b = (o * from + high) * inner, v = (o * to + i) * inner;
      for (let k = 0; k < inner; k++) out[v + k] = data[a + k] + weight * (data[b + k] - data[a + k]);
    }
  }
  return out;
}
