import assert from "node:assert/strict";
import { evaluate, gradients, GraphBuilder, lower } from "../mod.ts";
import { ATTENTION_PIECES } from "./attention.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";

const wave = (shape: readonly number[], phase: number) =>
  tensor("float64", shape, Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * i + phase)));

/** softmax(q k) v of 10 tokens in 2 heads; with gradients, too. */
function attentionGraph(training: boolean) {
  const b = new GraphBuilder();
  const input = (name: string, shape: readonly number[]) => b.input(name, { dtype: "float64", shape });
  const q = input("q", [1, 2, 10, 3]), k = input("k", [1, 2, 3, 10]), v = input("v", [1, 2, 10, 3]);
  const y = b.op.MatMul(b.op.Softmax(b.op.MatMul(q, k), { axis: -1 }), v);
  if (!training) return b.build("attention", { y });
  const [dq] = gradients(b, b.op.ReduceSum(b.op.Sin(y), null, { keepdims: 0 }), [q]);
  return b.build("attention", { y, dq });
}

Deno.test("ATTENTION_PIECES splits scores that exceed the budget into rows that do not, where no gradient needs them", () => {
  const graph = attentionGraph(false);
  const feeds = Object.fromEntries(graph.inputs.map((name, i) => [name, wave(graph.types.get(name)!.shape, i)]));
  const reportIn = (temporaryBytes: number, g = graph) => {
    const { graph: lowered, reports } = lower(g, { passes: [ATTENTION_PIECES], temporaryBytes });
    return { lowered, report: reports[0] };
  };
  const row = 2 * 10 * 8;
  for (const [budget, pieces] of [[10 * row, 1], [9 * row, 2], [3 * row, 4], [1, 10]]) {
    const { lowered } = reportIn(budget);
    assert.equal(lowered.nodes.filter(({ op }) => op === "Softmax").length, pieces, `${budget} bytes`);
    const { y } = evaluate(lowered, feeds), expected = evaluate(graph, feeds).y;
    y.data.forEach((value, i) => assert.ok(Math.abs(value - expected.data[i]) < 1e-14));
  }
  assert.deepEqual(reportIn(10 * row).report.skipped.map((s) => s.why), ["the scores fit"]);
  const why = reportIn(1, attentionGraph(true)).report.skipped.map((s) => s.why);
  assert.deepEqual(why, ["the weights are used again, for gradients"]);
});
