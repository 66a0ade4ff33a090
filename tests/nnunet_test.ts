/** Checkpoints that nnU-Net's own trainer saved (`scripts/fixtures/nnunet.py`), and answers of their networks in float64. */
import assert from "node:assert/strict";
import { evaluate } from "../src/graph/mod.ts";
import { buildNetwork, identifyNetwork, planLoading, weightsOf } from "../src/nets/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { sizeOf, tensor } from "../src/tensor/mod.ts";
import { readFormat } from "../src/weights/formats/formats.ts";
import values from "./fixtures/nnunet/values.json" with { type: "json" };

const SHAPE = [1, 2, 8, 16, 16];
const IMAGE = tensor("float32", SHAPE, Array.from({ length: sizeOf(SHAPE) }, (_, i) => Math.sin(i)));
const SIZES = {
  inChannels: 2,
  features: [3, 4, 5],
  kernels: [1, 3, 3, 3, 3, 3, 3, 3, 3],
  bias: true,
  strides: [1, 1, 1, 1, 2, 2, 2, 2, 2],
  outChannels: 3,
  decoderBlocks: [2, 1],
  deepSupervision: true,
};
const NETWORKS = {
  plain: { ...SIZES, blocks: [2, 1, 2], residual: false },
  residual: { ...SIZES, blocks: [1, 2, 1], residual: true },
};

for (const [name, config] of Object.entries(NETWORKS) as [keyof typeof NETWORKS, object][]) {
  Deno.test(`a ${name} checkpoint of nnU-Net gives the network and the numbers of PyTorch`, async () => {
    const file = await readFormat(`${import.meta.dirname}/fixtures/nnunet/${name}.pth`, "pytorch");
    assert.ok(file.holds === "tensors");
    const { tensors } = file, shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
    const { spec, assumed } = identifyNetwork(shapes);
    assert.deepEqual([spec, assumed], [{ kind: "nnunet", config }, []]);
    const plan = planLoading(shapes, { from: spec, to: spec });
    assert.deepEqual(plan.missing, []);
    assert.ok(
      plan.dropped.every(({ key }) => /all_modules|^decoder\.encoder\./.test(key)),
      "only duplicates are left out",
    );
    const weights = weightsOf(tensors, { to: spec, plan, seed: 0 });
    const graph = buildNetwork(spec, { input: SHAPE, weights, outputs: "inference" });
    const { out } = evaluate(graph, { image: IMAGE });
    assert.deepEqual(out.shape, [1, 3, 8, 16, 16]);
    assertClose(Float32Array.from(out.data, Number).filter((_, i) => i % 61 === 0), values[name], {
      atol: 2e-6,
      what: name,
    });
    assert.equal(JSON.parse(file.metadata.init_args).configuration, "3d_fullres");
    assert.equal(file.metadata.inference_allowed_mirroring_axes, "[0,2]");
  });
}
