import assert from "node:assert/strict";
import { evaluate, type Graph, GraphBuilder, lower, type Ops, type Value } from "../mod.ts";
import { Random, sizeOf, tensor } from "../../tensor/mod.ts";
import { EXACT_NORM } from "./norm.ts";
import { STAGED_SUMS, stagesOf } from "./sums.ts";

function graphOf(shape: readonly number[], build: (op: Ops, x: Value) => Value): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float64", shape });
  return b.build("g", { y: build(b.op, x) });
}

const ramp = (size: number, from: number) => Array.from({ length: size }, (_, i) => from + 0.3 * i);
const vector = (size: number, from: number) => tensor("float64", [size], ramp(size, from));
const whole = (shape: readonly number[]) => tensor("float64", shape, ramp(sizeOf(shape), 1));

/** Graphs in which the pass fires, and one of small windows, in which it does not. */
const NORMS: Readonly<Record<string, [shape: number[], build: (op: Ops, x: Value) => Value, fires: boolean]>> = {
  "instances": [[2, 3, 7, 8, 9], (op, x) => op.InstanceNormalization(x, vector(3, 1), vector(3, -1), {}), true],
  "instances of one axis": [[2, 3, 512], (op, x) => op.InstanceNormalization(x, vector(3, 1), vector(3, 0), {}), true],
  "layers": [[2, 3, 40, 41], (op, x) => op.LayerNormalization(x, whole([3, 40, 41]), null, { axis: 1 }), true],
  "layers with a bias": [[2, 5000], (op, x) => op.LayerNormalization(x, vector(5000, 1), vector(5000, 2), {}), true],
  "small windows": [[2, 3, 4, 8, 8], (op, x) => op.InstanceNormalization(x, vector(3, 1), vector(3, 0), {}), false],
};
const SUMS: typeof NORMS = {
  "the mean of volumes": [[2, 3, 16, 17, 18], (op, x) => op.ReduceMean(x, [2, 3, -1], { keepdims: 1 }), true],
  "the sum of all": [[2, 3, 16, 17, 18], (op, x) => op.ReduceSum(x, null, { keepdims: 0 }), true],
  "the mean of a batch": [[2, 3, 16, 17, 18], (op, x) => op.ReduceMean(x, [0, 2, 3, 4], { keepdims: 1 }), true],
  "a pooled volume": [[2, 3, 16, 17, 18], (op, x) => op.GlobalAveragePool(x), true],
  "the sum of rows": [[5000, 3], (op, x) => op.ReduceSum(x, [0], { keepdims: 0 }), false],
};

for (const [pass, cases] of [[EXACT_NORM, NORMS], [STAGED_SUMS, SUMS]] as const) {
  for (const [name, [shape, build, fires]] of Object.entries(cases)) {
    Deno.test(`${pass.name} keeps the values: ${name}`, () => {
      const graph = graphOf(shape, build), { graph: lowered, reports } = lower(graph, { passes: [pass] });
      assert.equal(reports[0].fired, Number(fires));
      const random = new Random(5);
      const feeds = { x: tensor("float64", shape, Array.from({ length: sizeOf(shape) }, () => 3 + random.normal())) };
      const expected = evaluate(graph, feeds).y, actual = evaluate(lowered, feeds).y;
      assert.deepEqual(actual.shape, expected.shape);
      const worst = Math.max(...expected.data.map((v, i) => Math.abs(v - actual.data[i])));
      assert.ok(worst < 1e-11 * Math.max(...expected.data.map(Math.abs)), `differs by ${worst}`);
    });
  }
}

Deno.test("stagesOf() splits a number into small factors, but for large primes", () => {
  assert.deepEqual(stagesOf(128 ** 3), [8, 64, 64, 64]);
  assert.deepEqual(stagesOf(96 * 80 * 96), [3, 60, 64, 64]);
  assert.deepEqual(stagesOf(50), [50]);
  assert.deepEqual(stagesOf(2 * 1009), [1009, 2]);
});
