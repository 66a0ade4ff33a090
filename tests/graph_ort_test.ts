/** Imported networks, written again by Sulcus: ONNX Runtime computes the same from both files. */
import assert from "node:assert/strict";
import { encodeModel, importModel, print, verify } from "../src/graph/mod.ts";
import { tensor } from "../src/tensor/mod.ts";
import { buildNetwork, EDGE, initialWeights, type NetworkSpec } from "../src/nets/mod.ts";
import { assertComputed, runModel } from "./testing/onnx_runtime.ts";
import { FIXTURES, loadFixture, wave } from "./fixtures/mod.ts";

for (const name of FIXTURES) {
  // it is imported in inference mode, so its two files differ in meaning
  const ignore = name === "conv_bn_training";
  Deno.test({
    name: `encodeModel() of imported ${name} computes in ONNX Runtime as the original does` +
      (ignore ? " (skipped: the original is in training mode)" : ""),
    ignore,
    fn: async () => {
      const { model, input } = loadFixture(name);
      const feeds = { [input.name]: tensor("float32", input.shape, wave(input.shape)) };
      const expected = await runModel(model, feeds);
      const actual = await runModel(encodeModel(importModel(model, { shapes: { [input.name]: input.shape } })), feeds);
      for (const [output, values] of Object.entries(expected)) assertComputed(actual[output], values, output);
    },
  });
}

const NETWORKS: readonly NetworkSpec[] = [
  { kind: "uniunet", config: { ...EDGE } },
  {
    kind: "uniformer-classifier",
    config: { inChannels: 4, widths: [8, 16, 24, 32], depths: [1, 1, 1, 1], headDim: 8, classes: 3 },
  },
  { kind: "unet3d", config: {} },
];
for (const spec of NETWORKS) {
  Deno.test(`importModel() reads ${spec.kind} back as it was built, line by line`, () => {
    const weights = initialWeights(spec, { seed: 1 });
    const graph = buildNetwork(spec, { input: [1, 4, 32, 32, 32], weights, outputs: "inference" });
    const again = importModel(encodeModel(graph));
    verify(again);
    assert.equal(print(again), print(graph));
  });
}
