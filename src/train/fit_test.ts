import assert from "node:assert/strict";
import { gradients, GraphBuilder, predictMemory, rematerialise } from "../graph/mod.ts";
import { fitMessage, fitted, memoryBudget } from "./fit.ts";

/** A chain of 12 layers over 400 kB, and the gradient of its mean with respect to its start. */
function chain() {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [100_000] });
  let y = x;
  for (let k = 0; k < 12; k++) y = b.op.Mul(b.op.Tanh(y), 1.5);
  const [dx] = gradients(b, b.op.ReduceMean(y, null, { keepdims: 0 }), [x]);
  return b.build("chain", { dx });
}

Deno.test("fitted() leaves a graph that fits as it is, and computes some of another's values twice", () => {
  const graph = chain();
  const { peakBytes } = predictMemory(graph);
  assert.deepEqual(fitted(graph, peakBytes), { graph, keepCopies: false, peakBytes, extraCost: 0 });
  const twice = fitted(graph, peakBytes - 1);
  assert.ok(twice.keepCopies && twice.peakBytes < peakBytes && twice.extraCost > 0);
  assert.deepEqual(twice.graph, rematerialise(graph, { budgetBytes: peakBytes - 1 }).graph);
});

Deno.test("fitted() takes the least that there is where nothing fits", () => {
  const { keepCopies, peakBytes } = fitted(chain(), 0);
  assert.ok(keepCopies && peakBytes < predictMemory(chain()).peakBytes);
});

Deno.test("fitMessage() tells what a step takes and why, and nothing where it simply fits", () => {
  const fit = { graph: chain(), keepCopies: true, peakBytes: 5.2e9, extraCost: 0.021 } as const;
  assert.equal(fitMessage({ ...fit, keepCopies: false }, 6e9), undefined);
  const what = "A training step will take 5.2 GB of memory";
  assert.equal(fitMessage({ ...fit, extraCost: 0 }, 6e9), `${what}, to fit into 6.0 GB`);
  assert.equal(fitMessage(fit, 6e9), `${what}, 3 % of it computed twice, to fit into 6.0 GB`);
  assert.equal(fitMessage(fit, 0), `${what}, 3 % of it computed twice: the least that was found`);
  assert.equal(fitMessage(fit, 5e9), `${what}, 3 % of it computed twice: more than the 5.0 GB that may be used`);
});

Deno.test("memoryBudget() is a part of the free memory on the CPU, and nothing that limits elsewhere", () => {
  assert.ok(memoryBudget("cpu") > 0 && memoryBudget("cpu") < Deno.systemMemoryInfo().total);
  assert.equal(memoryBudget("cuda"), Infinity);
});
