import assert from "node:assert/strict";
import { decodeModel, encodeModel, evaluate, type Graph, GraphBuilder, importModel, lower } from "../mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";
import { MIXED_PRECISION, NARROW_EARLY } from "./precision.ts";

const wave = (shape: readonly number[], phase: number) =>
  tensor("float32", shape, Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * i + phase)));

/** Both forms of a graph compute the same in float64, where nothing is rounded. */
function assertEqual(found: Graph, graph: Graph): void {
  const feeds = Object.fromEntries(graph.inputs.map((name, i) => [name, wave(graph.types.get(name)!.shape, i)]));
  const [a, b] = [evaluate(found, feeds), evaluate(graph, feeds)];
  for (const name of graph.outputs) assert.deepEqual(a[name].data, b[name].data, name);
}

const opsIn = ({ nodes, types }: Graph, dtype: string) =>
  nodes.filter(({ output }) => types.get(output)!.dtype === dtype).map(({ op }) => op).toSorted();

Deno.test("MIXED_PRECISION narrows products and dense convolutions, and nothing else", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 4, 4, 4] });
  const weight = (name: string, shape: readonly number[]) => b.input(name, { dtype: "float32", shape });
  const dense = b.op.Conv(x, weight("dense", [16, 2, 3, 3, 3]), weight("bias", [16]), { pads: [1, 1, 1, 1, 1, 1] });
  const depthwise = b.op.Conv(dense, weight("depthwise", [16, 1, 3, 3, 3]), null, { group: 16 });
  const rows = b.op.Reshape(depthwise, [16, 8]);
  const product = b.op.MatMul(weight("a", [4, 16]), rows), thin = b.op.MatMul(product, weight("c", [8, 2]));
  const graph = b.build("net", { thin });
  const { graph: mixed, reports: [report] } = lower(graph, { passes: [MIXED_PRECISION] });
  assert.equal(report.fired, 2);
  assert.deepEqual(report.skipped.map((s) => s.why), ["grouped: no work for matrix units", "8 terms an element"]);
  assert.deepEqual(opsIn(mixed, "bfloat16"), ["Cast", "Cast", "Cast", "Cast", "Cast", "Conv", "MatMul"]);
  assert.equal(mixed.types.get("thin")!.dtype, "float32");
  assertEqual(mixed, graph);
  assert.equal(decodeModel(encodeModel(graph)).opset, 20);
  assert.equal(decodeModel(encodeModel(mixed)).opset, 22);
  // read again, bfloat16 is widened: its casts fall away
  assert.ok(importModel(encodeModel(mixed)).nodes.every((n) => n.op !== "Cast"));
});

Deno.test("MIXED_PRECISION leaves products that only sum in float32", () => {
  const b = new GraphBuilder(), { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [32, 32] });
  const matrix = (value: (i: number) => number) =>
    tensor("float32", [32, 32], Array.from({ length: 32 ** 2 }, (_, i) => value(i)));
  const graph = b.build("sums", {
    mean: op.MatMul(matrix(() => 1 / 32), x),
    picked: op.MatMul(x, matrix((i) => Number(i % 33 === 0))),
    layer: op.MatMul(x, matrix((i) => i)),
    // a bias of equal numbers makes no sum of a layer
    biased: op.Gemm(x, matrix((i) => -i), tensor("float32", [32], Array(32).fill(1)), {}),
  });
  const { reports: [{ fired, skipped }] } = lower(graph, { passes: [MIXED_PRECISION] });
  assert.deepEqual([fired, skipped.map(({ node, why }) => `${node}: ${why}`)], [2, ["mean: a sum", "picked: a sum"]]);
});

Deno.test("NARROW_EARLY moves and activates in bfloat16 what only products read", () => {
  const b = new GraphBuilder(), { op } = b;
  const weight = (name: string, shape: readonly number[]) => b.input(name, { dtype: "float32", shape });
  const x = op.Add(weight("x", [4, 4, 4]), 1);
  const moved = op.Concat(
    op.Reshape(op.Transpose(x, { perm: [1, 0, 2] }), [4, 16]),
    op.Slice(weight("y", [8, 16]), [0], [4], null, null),
    {
      axis: 0,
    },
  );
  const layer = op.Gelu(op.MatMul(op.Pad(moved, [1, 0, 0, 0], 0, {}), weight("w", [16, 16])), {});
  const graph = b.build("net", { z: op.MatMul(layer, weight("v", [16, 3])) });
  const { graph: mixed, reports: [, { fired }] } = lower(graph, { passes: [MIXED_PRECISION, NARROW_EARLY] });
  assert.equal(fired, 6);
  assertEqual(mixed, graph);
  assert.deepEqual(opsIn(mixed, "float32"), ["Add", "Cast"], "what is narrowed, and the answer");
  assert.equal(mixed.nodes.filter(({ op }) => op === "Cast").length, 5, "x, y, both weights, and the answer");
});

Deno.test("NARROW_EARLY leaves what is read in float32, too, and what rounds elsewhere", () => {
  const b = new GraphBuilder(), { op } = b;
  const weight = (name: string, shape: readonly number[]) => b.input(name, { dtype: "float32", shape });
  const turned = op.Transpose(weight("x", [16, 16]), { perm: [1, 0] });
  const padded = op.Pad(weight("p", [15, 16]), [1, 0, 0, 0], weight("value", []), {});
  const activated = op.Gelu(weight("g", [16, 16]), {});
  const shown = op.Reshape(weight("s", [256]), [16, 16]);
  const y = [turned, padded, activated, shown].map((v) => op.MatMul(v, v)).reduce((a, v) => op.Add(a, v));
  const graph = b.build("net", { y: op.Add(y, op.Neg(turned)), shown });
  const { graph: mixed, reports: [, { fired }] } = lower(graph, { passes: [MIXED_PRECISION, NARROW_EARLY] });
  assertEqual(mixed, graph);
  assert.equal(fired, 0);
});
