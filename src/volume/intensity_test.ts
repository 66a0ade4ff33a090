import assert from "node:assert/strict";
import { assertAllClose, seeded } from "./testing/fixtures.ts";
import { percentiles, scaleIntensity, scaleIntensityPercentiles } from "./intensity.ts";

Deno.test("percentiles() gives docs/method F.3", () => {
  assertAllClose(percentiles(Float32Array.of(10, 1, 3, 2, 4), [5, 95]), [1.2, 8.8], 1e-12);
});

Deno.test("percentiles() equals interpolation in the sorted array, ties, signs and zeros included", () => {
  const random = seeded(2);
  const kinds: ((i: number) => number)[] = [
    () => random() * 1e-3 - 5e-4,
    () => (random() - 0.5) * 10 ** (60 * random() - 30),
    () => Math.floor(random() * 5) - 2,
    (i) => i % 3 ? 0 : -random(),
    () => 7,
    (i) => i % 2 ? -0 : 0,
  ];
  for (const kind of kinds) {
    for (const n of [1, 2, 3, 1000, 4097]) {
      const data = Float32Array.from({ length: n }, (_, i) => kind(i));
      const sorted = data.slice().sort();
      const qs = [0, 0.1, 5, 33.3, 50, 95, 99.9, 100];
      const expected = qs.map((q) => {
        const r = q / 100 * (n - 1);
        const [a, b] = [sorted[Math.floor(r)], sorted[Math.ceil(r)]];
        return a + (b - a) * (r - Math.floor(r));
      });
      assertAllClose(percentiles(data, qs), expected, 0);
    }
  }
});

Deno.test("percentiles() reads a part of a buffer and leaves the data unchanged", () => {
  const data = Float32Array.of(9, 9, 3, 1, 2, 9).subarray(2, 5);
  assert.equal(percentiles(data, [50])[0], 2);
  assert.deepEqual([...data], [3, 1, 2]);
});

Deno.test("percentiles() refuses no values and percentages out of range", () => {
  assert.throws(() => percentiles(new Float32Array(0), [5]), {
    message: "Cannot take percentiles: expected at least one value, got none",
  });
  assert.throws(() => percentiles(new Float32Array(1), [101]), {
    name: "RangeError",
    message: "Cannot take percentiles: expected 0 to 100, got 101",
  });
});

Deno.test("scaleIntensityPercentiles() maps the percentiles to 0 and 1, with and without a clip", () => {
  const data = Float32Array.of(10, 1, 3, 2, 4);
  const expected = [10, 1, 3, 2, 4].map((v) => (v - 1.2) / 7.6);
  assertAllClose(scaleIntensityPercentiles(data, { lower: 5, upper: 95, clip: false }), expected, 1e-7);
  const clipped = expected.map((v) => Math.min(Math.max(v, 0), 1));
  assertAllClose(scaleIntensityPercentiles(data, { lower: 5, upper: 95, clip: true }), clipped, 1e-7);
});

Deno.test("scaleIntensityPercentiles() of a constant only subtracts it, clip or not", () => {
  const data = new Float32Array(100).fill(3);
  data[7] = 90;
  const expected = new Float32Array(100);
  expected[7] = 87;
  for (const clip of [false, true]) {
    assert.deepEqual(scaleIntensityPercentiles(data, { lower: 5, upper: 95, clip }), expected);
  }
});

Deno.test("scaleIntensityPercentiles() can take its percentiles elsewhere", () => {
  const out = scaleIntensityPercentiles(Float32Array.of(0, 5), {
    lower: 0,
    upper: 100,
    clip: false,
    over: Float32Array.of(0, 10),
  });
  assert.deepEqual([...out], [0, 0.5]);
  assert.deepEqual([...scaleIntensity(Float32Array.of(1, 3), { low: 1, high: 2, clip: false })], [0, 2]);
});
