import assert from "node:assert/strict";
import { evaluate, GraphBuilder } from "../../graph/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { type NdArray, tensor } from "../../tensor/mod.ts";
import { network, SIZE } from "../testing/trainer.ts";
import { PASS, statisticsStep } from "./statistics_step.ts";

/** One channel, as it is, through a BatchNormalization. */
function normalised() {
  const b = new GraphBuilder();
  const constant = (name: string, value: number) => b.constant(tensor("float32", [1], [value]), name);
  const x = b.input("image", { dtype: "float32", shape: [1, 1, 2, 2, 1] });
  const [scale, bias] = [constant("norm.weight", 1), constant("norm.bias", 0)];
  const running = [constant("norm.running_mean", 9), constant("norm.running_var", 9)] as const;
  return b.build("tiny", { out: b.op.BatchNormalization(x, scale, bias, ...running, { epsilon: 1e-5 }) });
}

Deno.test("statisticsStep() is the mean over crops and views of their means and unbiased variances", () => {
  const crops = [[[1, 2, 3, 6], [0, 0, 0, 4]], [[5, 5, 5, 5], [-1, 1, -1, 1]]];
  const { graph, state } = statisticsStep(normalised(), { views: 2 })!;
  assert.deepEqual([...state.keys()], ["norm.running_mean", "norm.running_var"]);
  let found: Record<string, NdArray> = {};
  crops.forEach((views, i) => {
    const shown = views.map((data, k) => [`view${k + 1}`, tensor("float32", [1, 1, 2, 2, 1], data)]);
    const held = [...state].map(([name, next]) => [name, found[next] ?? tensor("float32", [1], [100])]);
    found = evaluate(graph, { ...Object.fromEntries([...shown, ...held]), [PASS]: tensor("float32", [], [i + 1]) });
  });
  // means 3, 1, 5, 0; sums of squares 14, 12, 0, 4, each over 3
  assertClose(found["next/norm.running_mean"].data, [9 / 4], { atol: 1e-6, what: "mean" });
  assertClose(found["next/norm.running_var"].data, [30 / 3 / 4], { atol: 1e-6, what: "variance" });
});

Deno.test("statisticsStep() computes nothing behind the last norm, and is null without statistics to compute", () => {
  const { graph } = statisticsStep(network(), { views: 1 })!;
  assert.equal(graph.nodes.filter(({ op }) => op === "Conv").length, 1);
  assert.deepEqual(graph.types.get("view1")!.shape, [1, 2, ...SIZE]);
  assert.equal(statisticsStep(network(), { views: 1, isFrozen: () => true }), null);
});
