import assert from "node:assert/strict";
import {
  CPU_PASSES,
  evaluate,
  gradients,
  type Graph,
  GraphBuilder,
  lower,
  MemoryBudgetError,
  type OpName,
  predictMemory,
  rematerialise,
  verify,
} from "../mod.ts";
import { runOrder } from "./sequence.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { casesOf, OP_CASES, placeCase } from "../ops/cases/mod.ts";
import { opDef } from "../ops/mod.ts";
import { relieve } from "./rematerialise.ts";
import { isFloat } from "../../tensor/tensor.ts";
import { NO_GRADIENT } from "../ir/ir.ts";

/** Layers of tanh(w·x) + x² over a volume, and what all w become: the last layer's first, as in a training step. */
function deep(layers: number, size = 32): { graph: Graph; feeds: Record<string, Tensor> } {
  const b = new GraphBuilder();
  const { op } = b;
  const shape = [1, 2, size, size, size];
  const wanted = Array.from({ length: layers }, (_, k) => b.input(`w${k}`, { dtype: "float32", shape: [2, 1, 1, 1] }));
  const x = b.input("x", { dtype: "float32", shape });
  const y = wanted.reduce((h, w) => op.Add(op.Tanh(op.Mul(h, w)), op.Mul(op.Mul(h, h), 0.1)), x);
  const loss = op.ReduceMean(y, null, { keepdims: 0 });
  const next = gradients(b, loss, wanted).map((dw, i) => op.Sub(wanted[i], dw));
  const wave = (s: readonly number[], phase: number) =>
    tensor("float64", s, Array.from({ length: sizeOf(s) }, (_, i) => Math.sin(0.7 * i + phase)));
  return {
    graph: b.build("deep", { loss, ...Object.fromEntries(next.map((v, i) => [`next${i}`, v])) }),
    feeds: Object.fromEntries(b.inputs.map((v, i) => [v.name, wave(v.shape, i)])),
  };
}

function assertSame(graph: Graph, other: Graph, feeds: Record<string, Tensor>): void {
  verify(other);
  const expected = evaluate(graph, feeds), actual = evaluate(other, feeds);
  for (const name of graph.outputs) assert.deepEqual(actual[name], expected[name], name);
}

Deno.test("rematerialise() meets the budget with the same results, bit by bit", () => {
  const { graph, feeds } = deep(10);
  const before = predictMemory(graph);
  const budgetBytes = before.peakBytes - 0.4 * before.valueBytes;
  const { graph: less, recomputed, extraCost, after } = rematerialise(graph, { budgetBytes });
  assert.ok(after.peakBytes <= budgetBytes);
  assert.equal(after.peakBytes, predictMemory(less).peakBytes);
  assert.equal(less.nodes.length - graph.nodes.length, recomputed);
  assert.ok(recomputed > 0 && extraCost > 0 && extraCost < 0.5, `${recomputed} nodes, ${extraCost}`);
  assertSame(graph, less, feeds);
});

Deno.test("rematerialise() leaves a graph alone that fits", () => {
  const { graph } = deep(3);
  const found = rematerialise(graph, { budgetBytes: predictMemory(graph).peakBytes });
  assert.equal(found.graph, graph);
  assert.deepEqual([found.recomputed, found.extraCost], [0, 0]);
});

Deno.test("rematerialise() reports the least memory that it found, which grows more slowly than the depth", () => {
  const leastOf = (layers: number) => {
    const { graph, feeds } = deep(layers);
    try {
      rematerialise(graph, { budgetBytes: 0 });
    } catch (error) {
      assert.ok(error instanceof MemoryBudgetError);
      assert.match(error.message, /^Cannot run deep in 0.00 GB: the least found is 0\.\d+ GB$/);
      if (layers < 10) assertSame(graph, error.least.graph, feeds);
      return { least: error.least.after.valueBytes, before: error.least.before.valueBytes };
    }
    assert.fail("expected an error");
  };
  const few = leastOf(6), many = leastOf(24);
  assert.ok(many.before > 2.5 * few.before, `${few.before} to ${many.before}`);
  assert.ok(many.least < 0.4 * many.before, `${many.least} of ${many.before}`);
  assert.ok(many.least < 2.5 * few.least, `${few.least} to ${many.least}`);
});

Deno.test("rematerialise() computes again only right before the use", () => {
  const { graph } = deep(10);
  const before = predictMemory(graph);
  const { graph: less } = rematerialise(graph, { budgetBytes: before.peakBytes - 0.4 * before.valueBytes });
  const order = runOrder(less), isCopy = (name: string) => name.includes("~");
  order.forEach(({ output }, at) => {
    if (!isCopy(output)) return;
    const waits = order.slice(at + 1, order.findIndex(({ inputs }) => inputs.includes(output)));
    const others = waits.map((node) => node.output).filter((name) => !isCopy(name));
    assert.ok(others.length <= 2, `${output} waits for ${others}`);
  });
});

for (const op of Object.keys(OP_CASES) as OpName[]) {
  if (opDef(op).vjp === NO_GRADIENT) continue;
  Deno.test(`relieve() keeps the results of ${op} and its gradients`, () => {
    for (const c of casesOf(op)) {
      const b = new GraphBuilder();
      const { y, wanted, feeds } = placeCase(b, { op, c, dtype: "float64" });
      if (!isFloat(y.dtype)) continue;
      const twice = b.op.Mul(b.op.Sin(y), b.op.Tanh(y));
      const found = gradients(b, b.op.ReduceSum(twice, null, { keepdims: 0 }), wanted);
      const { graph } = lower(b.build(op, Object.fromEntries(found.map((v, i) => [`dx${i}`, v]))), {
        passes: CPU_PASSES,
      });
      let less = graph;
      for (let round = 0; round < 4; round++) less = relieve(less, 0) ?? less;
      assertSame(graph, less, feeds);
    }
  });
}
