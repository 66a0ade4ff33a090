import assert from "node:assert/strict";
import { evaluate, type Graph, GraphBuilder, lower } from "../mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";
import { VOLUME_TOKENS } from "./tokens.ts";

const FLOAT = { dtype: "float32" } as const, TURN = { perm: [0, 2, 1] };

function assertEqual(found: Graph, graph: Graph): void {
  const feeds = Object.fromEntries(graph.inputs.map((name) => {
    const { shape } = graph.types.get(name)!;
    return [name, tensor("float32", shape, Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i)))];
  }));
  const [a, b] = [evaluate(found, feeds), evaluate(graph, feeds)];
  for (const name of graph.outputs) assert.deepEqual(a[name], b[name], name);
}

Deno.test("VOLUME_TOKENS turns volumes into tokens, and back, while their axes are apart", () => {
  const b = new GraphBuilder(), { op } = b;
  const x = b.input("x", { ...FLOAT, shape: [2, 3, 2, 4, 5] });
  const tokens = op.Exp(op.Transpose(op.Reshape(x, [2, 3, 40]), TURN));
  const graph = b.build("net", { y: op.Reshape(op.Transpose(tokens, TURN), [2, 3, 2, 4, 5]) });
  const { graph: found, reports: [{ fired }] } = lower(graph, { passes: [VOLUME_TOKENS] });
  assert.equal(fired, 2);
  assertEqual(found, graph);
  const turns = found.nodes.filter(({ op }) => op === "Transpose").map(({ output }) => found.types.get(output)!.shape);
  assert.deepEqual(turns, [[2, 2, 4, 5, 3], [2, 3, 2, 4, 5]]);
});

Deno.test("VOLUME_TOKENS leaves views that mix channels and voxels", () => {
  const b = new GraphBuilder(), { op } = b;
  const x = b.input("x", { ...FLOAT, shape: [2, 3, 2, 4, 5] });
  const mixed = op.Transpose(op.Reshape(x, [2, 6, 20]), TURN), whole = op.Transpose(op.Reshape(x, [2, 3, 40]), TURN);
  const graph = b.build("net", {
    mixed: op.Exp(mixed),
    // the channels come back in halves
    halves: op.Reshape(op.Transpose(op.Exp(whole), TURN), [2, 6, 2, 2, 5]),
  });
  const { graph: found, reports: [{ fired }] } = lower(graph, { passes: [VOLUME_TOKENS] });
  assert.equal(fired, 1, "only the tokens of the whole volume");
  assertEqual(found, graph);
});
