/** A modality that shows its mean only, as if it had not been taken; at least one modality stays. */
import { forEach, happens, type IntensityKind } from "./kind.ts";
import { momentsOf } from "./moments.ts";

export const dropModality: IntensityKind = {
  name: "drop modality",
  draw({ dropModality: { chance } }, { channels }, random) {
    const kept = random.integer(channels);
    const edits = forEach(channels, (c) => happens(chance, random) && c !== kept ? flat : null);
    return edits.some((edit) => edit !== null) ? edits : null;
  },
};

export const flat = (data: Float32Array): Float32Array => new Float32Array(data.length).fill(momentsOf(data).mean);
