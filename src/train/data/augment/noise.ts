/** Gaussian noise whose deviation is a share of the crop's own: normalised images have no common deviation. */
import type { Random } from "../../../tensor/mod.ts";
import { between, forEach, happens, type IntensityKind } from "./kind.ts";
import { momentsOf } from "./moments.ts";

export const noise: IntensityKind = {
  name: "noise",
  draw({ noise: { chance, deviation } }, { channels }, random) {
    if (!happens(chance, random)) return null;
    const share = between(0, deviation, random);
    return forEach(channels, (c) => (data) => withNoise(data, { share, random: random.fork(`channel ${c}`) }));
  },
};

export function withNoise(
  data: Float32Array,
  { share, random }: { readonly share: number; readonly random: Random },
): Float32Array {
  const deviation = share * momentsOf(data).deviation;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = data[i] + deviation * random.normal();
  return out;
}
