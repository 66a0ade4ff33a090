/** The walk of `gradients()`: what no single operator's rule shows. */
import assert from "node:assert/strict";
import { gradients, NoGradientError } from "./autodiff.ts";
import { GraphBuilder } from "./build/builder.ts";
import { assertClose, assertGradients } from "./testing/check.ts";
import { evaluate } from "./reference/evaluate.ts";
import { type OpDef, unsupported, type Value } from "./ir/ir.ts";
import { opDef } from "./ops/mod.ts";
import { print } from "./build/print.ts";
import { Random } from "../tensor/random.ts";
import { sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";

const vector = (b: GraphBuilder, name: string, n = 3) => b.input(name, { dtype: "float64", shape: [n] });
const total = (b: GraphBuilder, v: Value) => b.op.ReduceSum(v, null, { keepdims: 0 });
const f64 = (data: readonly number[], shape: readonly number[] = [data.length]) => tensor("float64", shape, data);

/** The gradients' elements at `feeds`. */
function slopes(
  b: GraphBuilder,
  { loss, wanted }: { loss: Value; wanted: readonly Value[] },
  feeds: Readonly<Record<string, Tensor>>,
): number[][] {
  const found = gradients(b, loss, wanted);
  const graph = b.build("gradients", Object.fromEntries(found.map((v, i) => [`dx${i}`, v])));
  return Object.values(evaluate(graph, feeds)).map((dx) => Array.from(dx.data));
}

Deno.test("gradients() sums over all uses of a value", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x");
  // 2x + x² + x·x³, one value used seven times
  const y = b.op.Add(b.op.Add(b.op.Add(x, x), b.op.Mul(x, x)), b.op.Mul(x, b.op.Mul(x, b.op.Mul(x, x))));
  const [dx] = slopes(b, { loss: total(b, y), wanted: [x] }, { x: f64([1, -2, 0.5]) });
  assertClose(dx, [1, -2, 0.5].map((v) => 2 + 2 * v + 4 * v ** 3), { rtol: 1e-14, what: "dx" });
});

Deno.test("gradients() sums over a diamond whose arms have different lengths", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x");
  const root = b.op.Sin(x);
  const y = b.op.Mul(b.op.Exp(b.op.Neg(b.op.Mul(root, 2))), root);
  const [dx] = slopes(b, { loss: total(b, y), wanted: [x] }, { x: f64([0.1, 1, 2]) });
  const slope = (v: number) => Math.exp(-2 * Math.sin(v)) * (1 - 2 * Math.sin(v)) * Math.cos(v);
  assertClose(dx, [0.1, 1, 2].map(slope), { rtol: 1e-14, what: "dx" });
});

Deno.test("gradients() undoes broadcasting: each gradient has its value's shape", () => {
  const b = new GraphBuilder();
  const shapes = [[2, 3, 4], [3, 1], [1, 1, 4], [], [1]];
  const wanted = shapes.map((shape, i) => b.input(`x${i}`, { dtype: "float64", shape }));
  const sum = wanted.reduce((a, v) => b.op.Add(a, v));
  const feeds = Object.fromEntries(shapes.map((s, i) => [`x${i}`, f64(Array(sizeOf(s)).fill(i), s)]));
  const found = gradients(b, total(b, sum), wanted);
  assert.deepEqual(found.map((v) => v.shape), shapes);
  const graph = b.build("gradients", Object.fromEntries(found.map((v, i) => [`dx${i}`, v])));
  const dxs = Object.values(evaluate(graph, feeds));
  dxs.forEach((dx, i) =>
    assertClose(dx.data, Array(sizeOf(shapes[i])).fill(24 / sizeOf(shapes[i])), { what: `dx${i}` })
  );
});

Deno.test("gradients() gives zeros where the loss does not depend on a value", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x"), apart = b.input("apart", { dtype: "float64", shape: [2, 1] });
  const floored = vector(b, "floored");
  const loss = total(b, b.op.Add(b.op.Mul(x, x), b.op.Floor(floored)));
  const found = slopes(b, { loss, wanted: [apart, floored, x] }, {
    x: f64([1, 2, 3]),
    apart: f64([1, 2], [2, 1]),
    floored: f64([0.5, 1.5, 2.5]),
  });
  assert.deepEqual(found, [[0, 0], [0, 0, 0], [2, 4, 6]]);
});

Deno.test("gradients() reaches values inside the graph, constants, and the loss itself", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x"), w = b.constant(f64([2, 3, 4]), "w");
  const inner = b.op.Mul(x, w);
  const loss = total(b, b.op.Mul(inner, inner));
  const found = slopes(b, { loss, wanted: [inner, w, loss] }, { x: f64([1, -1, 2]) });
  assert.deepEqual(found, [[4, -6, 16], [4, 6, 32], [1]]);
});

Deno.test("gradients() stops at integers and booleans", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x");
  const whole = b.op.Cast(b.op.Cast(x, { to: 7 }), { to: 11 });
  const masked = b.op.Where(b.op.Greater(x, 1), b.op.Mul(x, 3), whole);
  const [dx] = slopes(b, { loss: total(b, masked), wanted: [x] }, { x: f64([0.5, 2, 3]) });
  assert.deepEqual(dx, [0, 3, 3]);
});

/** Runs `f` with Erf's rule replaced by a refusal. */
function withoutErf(f: () => void): void {
  const record = opDef("Erf") as { vjp: OpDef<"Erf">["vjp"] };
  const rule = record.vjp;
  record.vjp = unsupported("nobody wrote it");
  try {
    f();
  } finally {
    record.vjp = rule;
  }
}

Deno.test("gradients() names operator, node and reason where a rule is missing above a wanted value", () =>
  withoutErf(() => {
    const b = new GraphBuilder();
    const x = vector(b, "x");
    const y = b.op.Erf(b.op.Mul(x, 2));
    assert.throws(() => gradients(b, total(b, y), [x]), (error: Error) => {
      assert.ok(error instanceof NoGradientError);
      assert.equal(error.message, `Cannot differentiate Erf (node ${y.name}, shape [3]): nobody wrote it`);
      return true;
    });
  }));

Deno.test("gradients() does not mind a missing rule with nothing wanted below it, or off the way to the loss", () =>
  withoutErf(() => {
    const b = new GraphBuilder();
    const x = vector(b, "x"), data = vector(b, "data");
    b.op.Erf(x);
    const [dx] = slopes(b, { loss: total(b, b.op.Mul(x, b.op.Erf(data))), wanted: [x] }, {
      x: f64([1, 2, 3]),
      data: f64([0, 9, -9]),
    });
    assertClose(dx, [0, 1, -1], { atol: 1e-15, what: "dx" });
  }));

Deno.test("gradients() refuses a loss that is not a float scalar", () => {
  const b = new GraphBuilder();
  const x = vector(b, "x");
  const refused = (loss: Value, got: string) =>
    assert.throws(() => gradients(b, loss, [x]), {
      name: "TypeError",
      message: `Cannot differentiate ${loss.name}: expected a float scalar, got ${got}`,
    });
  refused(x, "float64[3]");
  refused(b.op.Cast(total(b, x), { to: 7 }), "int64[]");
});

Deno.test("gradients() leaves nodes that nobody asked for out of the built graph", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float64", shape: [2, 3] }), w = b.input("w", { dtype: "float64", shape: [3, 4] });
  const [dw] = gradients(b, total(b, b.op.MatMul(x, w)), [w]);
  const graph = b.build("dw", { dw });
  assert.equal(graph.nodes.filter((n) => n.op === "MatMul").length, 1, "expected the product for dw alone");
});

/** Convolution, normalisation, attention over voxels, strided up-convolution with a skip, Dice-like loss. */
function network(b: GraphBuilder): { loss: Value; wanted: Value[] } {
  const shapes: Record<string, readonly number[]> = {
    x: [1, 2, 4, 4, 4],
    conv: [4, 2, 3, 3, 3],
    gamma: [4],
    beta: [4],
    down: [6, 4, 2, 2, 2],
    q: [6, 6],
    k: [6, 6],
    v: [6, 6],
    scale: [6],
    shift: [6],
    up: [6, 4, 2, 2, 2],
    head: [2, 8, 1, 1, 1],
    bias: [2],
  };
  const p = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, b.input(name, { dtype: "float64", shape })]),
  );
  const op = b.op;
  const skip = op.LeakyRelu(
    op.InstanceNormalization(op.Conv(p.x, p.conv, null, { pads: [1, 1, 1, 1, 1, 1] }), p.gamma, p.beta, {}),
    { alpha: 0.3 },
  );
  const low = op.Conv(skip, p.down, null, { strides: [2, 2, 2] });
  const tokens = op.Transpose(op.Reshape(low, [1, 6, 8]), { perm: [0, 2, 1] });
  const normed = op.LayerNormalization(tokens, p.scale, p.shift, {});
  const scores = op.MatMul(op.MatMul(normed, p.q), op.Transpose(op.MatMul(normed, p.k), { perm: [0, 2, 1] }));
  const mixed = op.MatMul(op.Softmax(op.Mul(scores, 6 ** -0.5), { axis: -1 }), op.MatMul(normed, p.v));
  const deep = op.Gelu(op.Add(tokens, mixed), {});
  const grid = op.Reshape(op.Transpose(deep, { perm: [0, 2, 1] }), [1, 6, 2, 2, 2]);
  const wide = op.Concat(op.ConvTranspose(grid, p.up, null, { strides: [2, 2, 2] }), skip, { axis: 1 });
  const probability = op.Sigmoid(op.Conv(wide, p.head, p.bias, {}));
  const truth = f64(Array.from({ length: 128 }, (_, i) => Number(i % 3 === 0)), [1, 2, 4, 4, 4]);
  const overlap = total(b, op.Mul(probability, truth));
  const size = op.Add(total(b, op.Mul(probability, probability)), 43);
  return { loss: op.Sub(1, op.Div(op.Mul(overlap, 2), size)), wanted: Object.values(p) };
}

Deno.test("gradients() of a small segmentation network agree with differences", () => {
  const b = new GraphBuilder();
  const random = new Random("network");
  const at = Object.fromEntries(
    network(b).wanted.map(({ name, shape }) => [
      name,
      f64(Array.from({ length: sizeOf(shape) }, () => 0.5 * random.normal()), shape),
    ]),
  );
  assertGradients({ build: network, at }, { random, what: "network", step: 1e-4, directions: 2 });
});

const GOLDEN = `\
graph layer -> %loss, %dw, %dbias
input %x: float32[2,3]
input %w: float32[3,4]
input %bias: float32[4]
%MatMul_0: float32[2,4] = MatMul(%x, %w)
%Add_1: float32[2,4] = Add(%MatMul_0, %bias)
%Relu_2: float32[2,4] = Relu(%Add_1)
%loss: float32[] = ReduceMean(%Relu_2) {keepdims=0}
%Reshape_6: float32[1,1] = Reshape(1, [1, 1])
%Div_8: float32[1,1] = Div(%Reshape_6, 8)
%Expand_10: float32[2,4] = Expand(%Div_8, [2, 4])
%Greater_12: bool[2,4] = Greater(%Relu_2, 0)
%Where_13: float32[2,4] = Where(%Greater_12, %Expand_10, 0)
%ReduceSum_15: float32[1,4] = ReduceSum(%Where_13, [0])
%dbias: float32[4] = Reshape(%ReduceSum_15, [4])
%Transpose_20: float32[3,2] = Transpose(%x)
%dw: float32[3,4] = MatMul(%Transpose_20, %Where_13)
`;

Deno.test("gradients() of a linear layer with bias and Relu print as these nodes", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [2, 3] }), w = b.input("w", { dtype: "float32", shape: [3, 4] });
  const bias = b.input("bias", { dtype: "float32", shape: [4] });
  const loss = b.op.ReduceMean(b.op.Relu(b.op.Add(b.op.MatMul(x, w), bias)), null, { keepdims: 0 });
  const [dw, dbias] = gradients(b, loss, [w, bias]);
  assert.equal(print(b.build("layer", { loss, dw, dbias })), GOLDEN);
});
