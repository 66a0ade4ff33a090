import assert from "node:assert/strict";
import { gradients } from "../autodiff.ts";
import { GraphBuilder } from "../build/builder.ts";
import { evaluate } from "../reference/evaluate.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";

/** The graph of the gradient of Σ w·x[indices], with w = 1, 2, 3, …, and the elements of its constants and nodes. */
function gatherGradient(shape: readonly number[], indices: Int32Array) {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape });
  const y = b.op.Gather(x, tensor("int32", [indices.length], indices), { axis: 0 });
  const waves = Float32Array.from({ length: sizeOf(y.shape) }, (_, i) => 1 + i % 7);
  const loss = b.op.ReduceSum(b.op.Mul(y, tensor("float32", y.shape, waves)), null, { keepdims: 0 });
  const [dx] = gradients(b, loss, [x]);
  const graph = b.build("gradient", { dx });
  const elements = [...graph.types.values()].reduce((n, type) => n + sizeOf(type.shape), 0);
  return { graph, waves, elements };
}

for (
  const { what, rows, width, indices } of [
    {
      what: "a Swin Transformer's table of relative positions",
      rows: 13 ** 3,
      width: 3,
      indices: Int32Array.from({ length: 343 ** 2 }, (_, i) => {
        const [from, to] = [Math.floor(i / 343), i % 343];
        const at = (k: number) => Math.floor(from / 7 ** k) % 7 - Math.floor(to / 7 ** k) % 7 + 6;
        return (at(2) * 13 + at(1)) * 13 + at(0);
      }),
    },
    {
      what: "a cyclic shift of single elements",
      rows: 2 ** 18,
      width: 1,
      indices: Int32Array.from({ length: 2 ** 18 }, (_, i) => (i + 12345) % 2 ** 18),
    },
    {
      what: "one row a thousand times among many that are never taken",
      rows: 50_000,
      width: 2,
      indices: Int32Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 41 : i)),
    },
  ]
) {
  Deno.test(`gradients() of Gather take memory for a few times its rows: ${what}`, () => {
    const { graph, waves, elements } = gatherGradient([rows, width], indices);
    // a 0/1 matrix alone would have rows times indices elements
    const moved = (rows + indices.length) * width;
    assert.ok(elements < 16 * moved + 8 * (rows + indices.length), `${elements} elements for ${moved} that move`);
    const expected = new Float64Array(rows * width);
    indices.forEach((row, i) => {
      for (let k = 0; k < width; k++) expected[row * width + k] += waves[i * width + k];
    });
    const { dx } = evaluate(graph, { x: tensor("float32", [rows, width], new Float32Array(rows * width)) });
    assert.deepEqual(dx.data, expected);
  });
}
