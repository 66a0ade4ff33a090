import assert from "node:assert/strict";
import { CPU_PASSES, evaluate, gradients, type Graph, GraphBuilder, lower, type Value } from "../mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";

const wave = (shape: readonly number[], phase: number) =>
  tensor("float64", shape, Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * i + phase)));

/** LayerNormalization over the channels of a volume [2, 4, 6], its gradients, and what `tail` makes of the tokens. */
function channelNorm(tail: (b: GraphBuilder, tokens: Value) => Value): Graph {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [2, 4, 6] });
  const scale = b.input("scale", { dtype: "float32", shape: [4] });
  const bias = b.input("bias", { dtype: "float32", shape: [4] });
  const tokens = op.LayerNormalization(op.Transpose(x, { perm: [0, 2, 1] }), scale, bias, { epsilon: 1e-5 });
  const y = tail(b, tokens);
  const [dx, dscale, dbias] = gradients(b, op.ReduceSum(op.Sin(y), null, { keepdims: 0 }), [x, scale, bias]);
  return b.build("norm", { y, dx, dscale, dbias });
}

function assertKept(graph: Graph, lowered: Graph): void {
  const feeds = { x: wave([2, 4, 6], 0), scale: wave([4], 1), bias: wave([4], 2) };
  const expected = evaluate(graph, feeds), actual = evaluate(lowered, feeds);
  for (const name of graph.outputs) {
    assert.deepEqual(actual[name].shape, expected[name].shape);
    const worst = expected[name].data.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[name].data[i])), 0);
    assert.ok(worst < 1e-10, `${name} differs by ${worst}`);
  }
}

Deno.test("lower() normalises channels where they are: no transpose is left, forward and backward", () => {
  const graph = channelNorm((b, t) => b.op.Transpose(t, { perm: [0, 2, 1] }));
  const { graph: lowered, reports } = lower(graph, { passes: CPU_PASSES });
  assert.equal(reports.find((r) => r.pass === "channel-norm")!.fired, 1);
  assert.deepEqual(lowered.nodes.filter((n) => n.op === "Transpose" || n.op === "LayerNormalization"), []);
  assertKept(graph, lowered);
});

Deno.test("lower() leaves a normalisation of tokens that stay tokens, and says why", () => {
  const graph = channelNorm((b, t) =>
    b.op.MatMul(t, tensor("float32", [4, 3], Array.from({ length: 12 }, (_, i) => Math.cos(i))))
  );
  const { graph: lowered, reports } = lower(graph, { passes: CPU_PASSES });
  const why = reports.find((r) => r.pass === "channel-norm")!.skipped.map((s) => s.why);
  assert.deepEqual(why, ["the output is not transposed back"]);
  const sinking = reports.find((r) => r.pass === "sink-transposes")!.skipped.map((s) => s.why);
  assert.ok(sinking.includes("an operand has another layout"), `${sinking}`);
  assertKept(graph, lowered);
});

Deno.test("lower() joins transposes and keeps a reduction that leaves several axes", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [2, 4, 6] });
  const turned = op.Transpose(op.Neg(op.Transpose(x, { perm: [2, 0, 1] })), { perm: [2, 0, 1] });
  const graph = b.build("turns", { y: op.ReduceMean(op.Transpose(turned, { perm: [1, 2, 0] }), [0], { keepdims: 0 }) });
  const { graph: lowered, reports } = lower(graph, { passes: CPU_PASSES });
  assert.equal(lowered.nodes.filter((n) => n.op === "Transpose").length, 1);
  const why = reports.find((r) => r.pass === "sink-transposes")!.skipped.map((s) => s.why);
  assert.deepEqual(why, ["several axes are left"]);
  assertKept(graph, lowered);
});

Deno.test("lower() takes means over channels by a product, where there is one sample and the axis stays", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [2, 4, 6] });
  const mean = (v: Value, keepdims: number) => op.ReduceMean(v, [1], { keepdims });
  const one = op.Slice(x, [1], [2], [0], [1]);
  const graph = b.build("means", { both: mean(x, 1), one: mean(one, 1), dropped: mean(one, 0) });
  const { graph: lowered, reports } = lower(graph, { passes: CPU_PASSES });
  const { fired, skipped } = reports.find((r) => r.pass === "channel-mean")!;
  assert.equal(fired, 1);
  assert.deepEqual(skipped.map((s) => s.why), [
    "several samples: threads share them",
    "the axis is dropped",
  ]);
  assertKept(graph, lowered);
});
