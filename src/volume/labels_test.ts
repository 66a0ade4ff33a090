import assert from "node:assert/strict";
import { VolumeError } from "./grid/grid.ts";
import { labelMap, wholeLabel } from "./labels.ts";

Deno.test("labelMap() rounds what a slope left over, and keeps large numbers and zero", () => {
  const data = Float32Array.of(0, -0, -0.0000153, 1.0000153, 1.9961, 254.9999, 1000, 2035.004, 65535, 16777215);
  assert.deepEqual([...labelMap(data)], [0, 0, 0, 1, 2, 255, 1000, 2035, 65535, 16777215]);
  assert.equal(data[3], Math.fround(1.0000153), "the given array stays");
});

Deno.test("labelMap() returns an array of whole numbers itself", () => {
  const data = Float32Array.of(0, 1, 4);
  assert.equal(labelMap(data), data);
});

Deno.test("labelMap() refuses values between labels, negatives and NaN, with their number and an example", () => {
  const refusal = (wrong: number, total: number, example: string) =>
    new VolumeError(
      `Cannot use a label map: expected whole numbers from 0 to 16777215 (± 0.02), got ${wrong} of ${total} voxels with other ` +
        `values, such as ${example}; resample label maps by nearest neighbour`,
    );
  assert.throws(() => labelMap(Float32Array.of(0, 0.5, 1, 0.25, 2)), refusal(2, 5, "0.5"));
  assert.throws(() => labelMap(Float32Array.of(0, -1)), refusal(1, 2, "-1"));
  assert.throws(() => labelMap(Float32Array.of(NaN)), refusal(1, 1, "NaN"));
  // Of an atlas whose numbers float32 cannot tell apart.
  assert.throws(() => labelMap(Float32Array.of(614454397)), refusal(1, 1, "614454000"));
});

Deno.test("wholeLabel() reads every rounding of labels up to 4 in 8 bits and up to 1000 in 16 bits", () => {
  for (const [most, steps] of [[4, 255], [10, 255], [1000, 65535]]) {
    for (let label = 0; label <= most; label++) {
      const slope = Math.fround(most / steps);
      assert.equal(wholeLabel(Math.fround(Math.round(label / slope) * slope)), label);
    }
  }
  assert.deepEqual([0.03, 0.97, 1.5, -0.5].map(wholeLabel), [null, null, null, null]);
});
