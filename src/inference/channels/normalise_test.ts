import assert from "node:assert/strict";
import { type GridImage, spacingAffine } from "../../volume/mod.ts";
import type { Normalisation } from "../preprocessing.ts";
import { normalise } from "./normalise.ts";

const imageOf = (values: readonly number[]): GridImage => ({
  data: Float32Array.from(values),
  sizeVox: [1, 1, values.length],
  affineRas: spacingAffine([1, 1, 1]),
});

/** The values after one normalisation of them alone. */
function after(entry: Normalisation, values: readonly number[], mask?: readonly number[]): number[] {
  const image = imageOf(values);
  normalise([{ image, mask: mask && Uint8Array.from(mask) }], () => entry);
  return [...image.data];
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  const worst = expected.reduce((w, v, i) => Math.abs(v - actual[i]) > Math.abs(expected[w] - actual[w]) ? i : w, 0);
  const miss = Math.abs(expected[worst] - actual[worst]);
  assert.ok(miss < 1e-6, `value ${worst}: ${actual[worst]}, expected ${expected[worst]}`);
}

Deno.test("assertClose() fails where a value is off", () => {
  assert.throws(() => assertClose([1, 2], [1, 2.1]), /value 1: 2, expected 2\.1/);
});

const VALUES = [0, 3, 0, 7, -2, 11, 5, 0.5];

// numpy 2: (v − mean) / std over the values that are not 0; after clipping to percentiles; over two arrays together
const NONZERO = [0, -0.25509819, 0, 0.68680282, -1.43247445, 1.62870383, 0.21585231, -0.84378632];
const CLIPPED = [-0.8903139, 0.03468755, -0.8903139, 1.26802282, -1.07531419, 1.6380234, 0.65135519, -0.73614699];
const JOINT = [
  [-0.84454628, 0.0367194, -0.84454628, 1.21174032, -1.43205674, 2.38676124, 0.62422986, -0.69766857],
  [-0.55079106, -0.25703583, 0.0367194, 0.33047463],
];

Deno.test("normalise() takes z-scores over what is not 0, over clipped values and over all channels, as numpy", () => {
  assertClose(after({ kind: "z-score", over: "nonzero" }, VALUES), NONZERO);
  assertClose(after({ kind: "z-score", over: "volume", clipPercentiles: [10, 90] }, VALUES), CLIPPED);
  const channels = [VALUES, [1, 2, 3, 4]].map((values) => ({ image: imageOf(values) }));
  normalise(channels, () => ({ kind: "z-score", over: "volume", joint: true }));
  channels.forEach(({ image: { data } }, c) => assertClose([...data], JOINT[c]));
});

Deno.test("normalise() leaves voxels outside the mask, and sees the holes in it", () => {
  const [kept, ...inside] = after({ kind: "z-score", over: "mask" }, [9, 0, 2, 4], [0, 1, 1, 1]);
  assert.equal(kept, 9);
  assertClose(inside, [-Math.sqrt(1.5), 0, Math.sqrt(1.5)]);
});

Deno.test("normalise() clips to fixed values, ranges and percentiles, and stretches to any range", () => {
  const fixed = { kind: "fixed", mean: 2, deviation: 4, clip: [-1, 10] } as const;
  assertClose(after(fixed, [-5, 2, 30]), [-0.75, 0, 2]);
  const range = { kind: "range", from: [0, 10], to: [-1, 3], clip: false } as const;
  assertClose(after(range, [-5, 0, 5, 20]), [-3, -1, 1, 7]);
  assertClose(after({ ...range, clip: true }, [-5, 0, 5, 20]), [-1, -1, 1, 3]);
  assertClose(after({ kind: "min-max", over: "volume", to: [-1, 1] }, [2, 3, 6]), [-1, -0.5, 1]);
  const percentiles = { kind: "percentiles", over: "volume", lower: 25, upper: 75, to: [0, 2], clip: true } as const;
  assertClose(after(percentiles, [0, 1, 2, 3, 4]), [0, 0, 1, 2, 2]);
  assert.deepEqual(after({ kind: "none" }, VALUES), VALUES);
});

Deno.test("normalise() keeps constant and empty volumes finite", () => {
  assert.deepEqual(after({ kind: "z-score", over: "volume" }, [3, 3]), [0, 0]);
  assert.deepEqual(after({ kind: "z-score", over: "nonzero" }, [0, 0]), [0, 0]);
  assert.deepEqual(after({ kind: "min-max", over: "volume", to: [-1, 1] }, [3, 3]), [-1, -1]);
  assert.deepEqual(after({ kind: "percentiles", over: "mask", lower: 1, upper: 9, clip: true }, [3, 4], [0, 0]), [
    3,
    4,
  ]);
});

Deno.test("normalise() refuses to guess a mask or a foreground", () => {
  for (const over of ["mask", "foreground"] as const) {
    assert.throws(() => after({ kind: "z-score", over }, [1, 2]), {
      name: "TypeError",
      message: `Cannot normalise over ${over}: expected it with the channel, got none`,
    });
  }
});
