/** Every intensity of a channel times one factor. */
import { between, forEach, happens, type IntensityKind } from "./kind.ts";

export const brightness: IntensityKind = {
  name: "brightness",
  draw({ brightness: { chance, share } }, { channels }, random) {
    if (!happens(chance, random)) return null;
    return forEach(channels, () => {
      const factor = between(1 - share, 1 + share, random);
      return (data) => brightened(data, factor);
    });
  },
};

export function brightened(data: Float32Array, factor: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = factor * data[i];
  return out;
}
