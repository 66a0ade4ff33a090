import assert from "node:assert/strict";
import type { Tensor } from "../../../tensor/tensor.ts";
import { inputMatrix, outputMatrix, pointsOf, type Slab, slabs, TAPS } from "./minimal_filter.ts";

const wave = (n: number, phase: number) => Array.from({ length: n }, (_, i) => Math.sin(0.7 * i + phase));

/** rows of a [rows, columns] matrix, times a vector */
function product({ shape: [rows, columns], data }: Tensor, v: readonly number[]) {
  return Array.from({ length: rows }, (_, i) => v.reduce((sum, x, j) => sum + Number(data[i * columns + j]) * x, 0));
}

/** The outputs of a slab, computed by its products. */
function filtered(slab: Slab, x: readonly number[], { taps, pad }: { taps: readonly number[]; pad: number }) {
  const { filter: { taps: g, divisor }, tiles, input: [from, to] } = slab, points = pointsOf(slab.filter);
  const kernels = points.map((t) => g[t].reduce((sum, factor, k) => sum + factor * taps[k] / divisor, 0));
  const read = product(inputMatrix("float64", slab, { pad, points }), x.slice(from, to));
  const made = read.map((v, i) => v * kernels[i % points.length]);
  assert.equal(made.length, tiles * points.length);
  return product(outputMatrix("float64", slab, points), made);
}

Deno.test("slabs() of minimal filters make every slice of a convolution once, at all depths and paddings", () => {
  const taps = wave(TAPS, 2);
  for (let input = 1; input <= 27; input++) {
    for (const [pad, back] of [[0, 0], [1, 1], [2, 0], [0, 2], [2, 2]]) {
      const x = wave(input, 1), output = input + pad + back - TAPS + 1;
      if (output < 1) continue;
      const direct = Array.from(
        { length: output },
        (_, i) => taps.reduce((sum, tap, k) => sum + tap * (x[i + k - pad] ?? 0), 0),
      );
      const made = slabs({ input, output, pad }, 16).flatMap((slab) => filtered(slab, x, { taps, pad }));
      assert.equal(made.length, output);
      direct.forEach((v, i) =>
        assert.ok(Math.abs(v - made[i]) < 1e-12, `${input} slices, slice ${i}: ${made[i]}, not ${v}`)
      );
    }
  }
});

Deno.test("slabs() take as few products as tiles of six and four slices can", () => {
  const products = (depth: number) =>
    slabs({ input: depth, output: depth, pad: 1 }, 8).reduce(
      (sum, { filter, tiles }) => sum + filter.reads * tiles,
      0,
    );
  assert.deepEqual([4, 6, 8, 12, 14, 16, 32, 64, 96].map(products), [6, 8, 12, 16, 20, 22, 44, 86, 128]);
});
