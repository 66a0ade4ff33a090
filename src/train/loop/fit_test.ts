import assert from "node:assert/strict";
import { traitsOf } from "../../engine/mod.ts";
import { gradients, GraphBuilder, predictMemory, rematerialise } from "../../graph/mod.ts";
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

/** `chain()` beside a product that costs a hundred times as much. */
function chainBesideProduct() {
  const b = new GraphBuilder();
  const [left, right] = [[600, 20_000], [20_000, 600]].map((shape, i) => b.input(`w${i}`, { dtype: "float32", shape }));
  const values = b.inline(chain(), (name, type, constant) => constant ? undefined : b.input(name, type));
  const mean = b.op.ReduceMean(b.op.MatMul(left, right), null, { keepdims: 0 });
  return b.build("both", { dx: values.get("dx")!, mean });
}

Deno.test("fitted() leaves a graph unchanged without a limit, and computes values twice within one", () => {
  const graph = chain();
  const { peakBytes } = predictMemory(graph);
  assert.deepEqual(fitted(graph, Infinity), { graph, peakBytes, extraCost: 0 });
  const twice = fitted(graph, peakBytes - 1);
  assert.ok(twice.peakBytes < peakBytes && twice.extraCost > 0);
  assert.deepEqual(twice.graph, rematerialise(graph, { budgetBytes: peakBytes - 1 }).graph);
});

Deno.test("fitted() saves memory at 1 % of extra time even where the graph would fit", () => {
  const graph = chainBesideProduct();
  const { peakBytes, extraCost } = fitted(graph, 1e12);
  assert.ok(peakBytes < predictMemory(graph).peakBytes, `${peakBytes}`);
  assert.ok(extraCost > 0 && extraCost <= 0.01, `${extraCost}`);
});

Deno.test("fitted() computes nothing twice where the device would merge it, and predicts by that device's memory", () => {
  const graph = chain(), { memory } = traitsOf("openvino");
  const { peakBytes } = predictMemory(graph, memory);
  assert.deepEqual(fitted(graph, 1, { memory }), { graph, peakBytes, extraCost: 0 });
  assert.notEqual(peakBytes, predictMemory(graph).peakBytes);
});

Deno.test("fitted() takes the least that there is where nothing fits", () => {
  assert.ok(fitted(chain(), 0).peakBytes < predictMemory(chain()).peakBytes);
});

Deno.test("fitMessage() says what a step takes and why, and nothing where it simply fits", () => {
  const fit = { graph: chain(), peakBytes: 5.2e9, extraCost: 0.021 } as const;
  assert.equal(fitMessage({ ...fit, extraCost: 0.01 }, 6e9), undefined);
  const what = "A training step will take 5.2 GB of memory";
  assert.equal(fitMessage({ ...fit, extraCost: 0 }, 5e9), `${what}: more than the 5.0 GB that may be used`);
  assert.equal(fitMessage(fit, 6e9), `${what}, 3 % of it computed twice, to fit into 6.0 GB`);
  assert.equal(fitMessage(fit, 0), `${what}, 3 % of it computed twice: the least that was found`);
  assert.equal(fitMessage(fit, 5e9), `${what}, 3 % of it computed twice: more than the 5.0 GB that may be used`);
});

Deno.test("memoryBudget() is a part of the free memory on the CPU, and nothing that limits elsewhere", () => {
  assert.ok(memoryBudget(traitsOf("cpu")) > 0 && memoryBudget(traitsOf("cpu")) < Deno.systemMemoryInfo().total);
  assert.equal(memoryBudget(traitsOf("cuda")), Infinity);
});
