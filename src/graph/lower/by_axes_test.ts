/** Norms and sums axis by axis: the same numbers, no rows formed. */
import assert from "node:assert/strict";
import { evaluate, type Graph, GraphBuilder, lower, type Ops, type Value } from "../mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";
import { AXIS_NORM } from "./norm.ts";
import { SUMS_BY_AXES } from "./sums.ts";

const PASSES = [AXIS_NORM, SUMS_BY_AXES];
const SHAPE = [2, 3, 16, 17, 18];

function built(build: (op: Ops, x: Value) => Value, shape: readonly number[] = SHAPE): Graph {
  const b = new GraphBuilder();
  return b.build("net", { y: build(b.op, b.input("x", { dtype: "float32", shape })) });
}

const fired = (reports: readonly { pass: string; fired: number }[]) =>
  reports.filter(({ pass }) => PASSES.some(({ name }) => name === pass)).reduce((n, { fired }) => n + fired, 0);

const vector = (start: number) => tensor("float32", [3], [start, start + 1, start + 2]);

const CASES: Readonly<Record<string, (op: Ops, x: Value) => Value>> = {
  "InstanceNormalization": (op, x) => op.InstanceNormalization(x, vector(1), vector(-1), { epsilon: 1e-5 }),
  "ReduceMean that keeps its axes": (op, x) => op.ReduceMean(x, [2, 3, 4], { keepdims: 1 }),
  "ReduceSum over samples and voxels": (op, x) => op.ReduceSum(x, [0, -3, -2, -1], { keepdims: 0 }),
  "ReduceMean over two axes": (op, x) => op.ReduceMean(x, [0, 2, 3, 4], { keepdims: 0 }),
  "GlobalAveragePool": (op, x) => op.GlobalAveragePool(x),
};

for (const [name, build] of Object.entries(CASES)) {
  Deno.test(`sums by axes keep the values of ${name}`, () => {
    const graph = built(build), { graph: found, reports } = lower(graph, { passes: PASSES });
    assert.equal(fired(reports), 1);
    const x = tensor("float64", SHAPE, Array.from({ length: sizeOf(SHAPE) }, (_, i) => 3 + Math.sin(i)));
    const [a, b] = [found, graph].map((g) => evaluate(g, { x }).y);
    assert.deepEqual(a.shape, b.shape);
    a.data.forEach((v, i) => {
      const expected = Number(b.data[i]); // the share of an element is a constant in float32
      assert.ok(Math.abs(Number(v) - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${v} for ${expected}`);
    });
    const folds = found.nodes.filter(({ op }) => op.startsWith("Reduce"));
    assert.ok(folds.every(({ op }) => op === "ReduceSum") && folds.length >= 3);
    assert.ok(found.nodes.every(({ output }) => found.types.get(output)!.shape.length !== 2), "no rows");
  });
}

Deno.test("sums by axes leave small windows, long axes and single axes alone", () => {
  const others: [string, (op: Ops, x: Value) => Value, number[]][] = [
    ["few terms", CASES["ReduceMean that keeps its axes"], [1, 3, 8, 8, 8]],
    ["a small window", CASES.InstanceNormalization, [1, 3, 4, 4, 4]],
    ["a long axis", CASES.InstanceNormalization, [1, 3, 2, 2, 1024]],
    ["one axis", (op, x) => op.ReduceSum(x, [4], { keepdims: 1 }), [1, 3, 2, 2, 8192]],
    ["rows", (op, x) => op.ReduceSum(x, [0, 1], { keepdims: 1 }), [128, 64]],
  ];
  for (const [why, build, shape] of others) {
    const { reports } = lower(built(build, shape), { passes: PASSES });
    assert.equal(fired(reports), 0, why);
  }
});
