/** Every intensity's distance from the crop's mean times one factor, within the range that the crop had. */
import { between, forEach, happens, type IntensityKind } from "./kind.ts";
import { momentsOf } from "./moments.ts";

export const contrast: IntensityKind = {
  name: "contrast",
  draw({ contrast: { chance, share } }, { channels }, random) {
    if (!happens(chance, random)) return null;
    return forEach(channels, () => {
      const factor = between(1 - share, 1 + share, random);
      return (data) => contrasted(data, factor);
    });
  },
};

export function contrasted(data: Float32Array, factor: number): Float32Array {
  const { mean, least, most } = momentsOf(data);
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = Math.min(Math.max(mean + factor * (data[i] - mean), least), most);
  return out;
}
