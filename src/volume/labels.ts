/** The one place where a label map's values become whole numbers. Knows no labels by name. */
import { VolumeError } from "./grid/grid.ts";

/**
 * A value this near to a whole number is that number. Writers that scale to integers leave half a step of their slope:
 * 1.0000153 for 16 bits and labels up to 4, 1.0196 for 8 bits and labels up to 10. Interpolated edges lie further away.
 */
const TOLERANCE = 0.02;

/** From here on float32 holds no longer every whole number: two labels could become one. */
const EXACT_BELOW = 2 ** 24;

/** The largest value of a label in a written mask: 16 bits hold every anatomical numbering in use. */
export const MAX_LABEL = 65_535;

/** The label that a voxel's value means, whatever rounding left of it; null: it means none (0.5, −1, NaN, 2³⁰). */
export function wholeLabel(value: number): number | null {
  const label = Math.round(value);
  const isLabel = Math.abs(value - label) <= TOLERANCE && label >= 0 && label < EXACT_BELOW;
  return isLabel ? label + 0 : null; // −0 becomes 0
}

/**
 * A label map's voxels as whole numbers; returns `data` itself where it holds nothing else.
 * @throws {VolumeError} with the number of voxels that mean no label, and one of their values
 */
export function labelMap(data: Float32Array): Float32Array {
  let labels = data;
  let wrong = 0;
  let example = NaN;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    const label = wholeLabel(value);
    if (label === null) {
      if (wrong++ === 0) example = value;
    } else if (!Object.is(label, value)) {
      if (labels === data) labels = data.slice();
      labels[i] = label;
    }
  }
  if (wrong > 0) {
    throw new VolumeError(
      `Cannot use a label map: expected whole numbers from 0 to ${
        EXACT_BELOW - 1
      } (± ${TOLERANCE}), got ${wrong} of ${data.length} voxels ` +
        `with other values, such as ${+example.toPrecision(6)}; resample label maps by nearest neighbour`,
    );
  }
  return labels;
}
