/** Networks for one sample, made into networks for several by `graph/batch.ts`. */
import assert from "node:assert/strict";
import { assertClose } from "../graph/testing/check.ts";
import { batched, evaluate, verify } from "../graph/mod.ts";
import { Random, sizeOf, tensor, toNumbers } from "../tensor/mod.ts";
import { buildNetwork, EDGE, initialWeights, type NetworkSpec } from "./mod.ts";

const SMALL = { inChannels: 2, outChannels: 2, widths: [2, 2, 4, 4], depths: [1, 1, 1, 1], headDim: 2, mlpRatio: 1 };
const NETS: readonly [name: string, spec: NetworkSpec, size: readonly number[]][] = [
  ["UniUnet", { kind: "uniunet", config: { ...SMALL, stemWidth: 2 } }, [16, 16, 16]],
  ["the edge network", { kind: "uniunet", config: { ...EDGE, ...SMALL, stemWidth: 2 } }, [16, 16, 32]],
  ["UNET3D", { kind: "unet3d", config: { inChannels: 2, outChannels: 2, width: 8 } }, [16, 16, 16]],
];

for (const [name, spec, size] of NETS) {
  Deno.test(`${name} for two samples gives each the same numbers as alone`, () => {
    const shape = [1, 2, ...size];
    const graph = buildNetwork(spec, {
      input: shape,
      weights: initialWeights(spec, { seed: 1 }),
      outputs: "inference",
    });
    const both = batched(graph, 2);
    verify(both);
    const [image] = graph.inputs;
    const samples = ["a", "b"].map((seed) => {
      const random = new Random(seed);
      return tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, () => random.normal()));
    });
    const joined = tensor("float32", [2, ...shape.slice(1)], samples.flatMap(toNumbers));
    const found = evaluate(both, { [image]: joined });
    const alone = samples.map((sample) => evaluate(graph, { [image]: sample }));
    for (const output of graph.outputs) {
      const expected = alone.flatMap((a) => Array.from(a[output].data, Number));
      assert.deepEqual(found[output].shape, [2, ...graph.types.get(output)!.shape.slice(1)]);
      assertClose(found[output].data, expected, { atol: 1e-6, what: output });
    }
  });
}
