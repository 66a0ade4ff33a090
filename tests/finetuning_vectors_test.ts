/**
 * docs/method F.5: three fine-tuning steps of the official UniUnet in both presets, as one training-step graph on the CPU
 * engine in float32: losses to 1e-5 relative, gradients to 1e-3 of their std, weights after three updates to 2e-4.
 * Exceptions are rounding noise: the sign of LeakyRelu inputs within 1e-4 of zero at the first step, and the bounds below,
 * each beside PyTorch 2.13's own error in float32 (scripts/peer/uni_unet.py with oneDNN, without, and with the input scaled
 * by 1 + 1e-7).
 */
import assert from "node:assert/strict";
import { openEngine, type Resident } from "../src/engine/mod.ts";
import { CPU_PASSES, encodeModel, type Graph, GraphBuilder, lower } from "../src/graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../src/tensor/mod.ts";
import { buildNetwork, isBuffer, type NetworkSpec, toOfficialLayout } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, type StepConfig, trainingStep } from "../src/train/mod.ts";
import { FINETUNING_VECTORS, type FinetuningVectors } from "./testing/finetuning_vectors.ts";
import kinks from "./fixtures/uni_unet_kinks.json" with { type: "json" };
import { assertRow, rowOf, vectorInput, vectorWeights } from "./testing/vectors.ts";

/**
 * Relative bounds of the consistency before update 0, 1 and 2: a small difference of large features. PyTorch's float32
 * misses it by up to 5e-5, 1.5e-2 and 2.4e-2, and the loss by up to 6e-6 and 1.7e-5 before the updates 1 and 2.
 */
const CONSISTENCY_BOUNDS = [1e-4, 3e-3, 1e-2];

/**
 * The step as built, and as lowered for the CPU provider. Lowering changes the order of sums: a few of 33 million weights
 * whose gradient is rounding noise move the other way in the first two updates, and later losses differ as much as
 * PyTorch's do in float32 (`last`: loss and consistency before update 2).
 */
const FORMS = [
  { form: "as built", passes: [], last: { loss: 1e-5, consistency: CONSISTENCY_BOUNDS[2] } },
  { form: "lowered", passes: CPU_PASSES, last: { loss: 2e-5, consistency: 3e-2 } },
] as const;

/**
 * Bounds of statistics after three updates that need more than 2e-4: in the preset paper a variance of 8 voxels, up to
 * 5.9, which PyTorch's float32 misses by 2e-3 to 2.6e-2.
 */
const UPDATED_BOUNDS: Readonly<Record<string, number>> = { "paper encoder.norm.running_var": 5e-3 };

const SPEC: NetworkSpec = { kind: "uniunet", config: {} };
const SHAPE = [1, 4, 32, 32, 32];

function stepConfig(preset: FinetuningVectors["preset"], keys: ReadonlySet<string>): StepConfig {
  const paper = preset === "paper";
  return {
    task: "segmentation",
    heads: ["out4", "out3", "out"],
    consistency: { on: paper ? "x4" : "out4", weight: 0.1 },
    views: 2,
    supervision: paper ? "sum" : "concat",
    optimizer: { kind: paper ? "adamw" : "adam-l2", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: (key) => keys.has(key) && !isBuffer(key),
    exposeGradients: true,
  };
}

/**
 * `graph` with two more inputs for every LeakyRelu, `positive<i>` and `negative<i>`: masks where its gradient takes the
 * slope of that side, whatever the sign in float32. Nine signs of 9 million, of inputs within 1e-5 of zero, move gradients
 * by up to 8e-3 of their std, here and in PyTorch's float32 alike.
 */
function withPinnedKinks(graph: Graph, outputs: readonly string[]): Graph {
  const b = new GraphBuilder();
  const bind = (name: string) => graph.inputs.includes(name) ? b.input(name, graph.types.get(name)!) : undefined;
  const order = graph.nodes.filter((n) => n.op === "LeakyRelu").map((n) => n.output);
  assert.equal(order.length, kinks.length);
  const values = b.inline(graph, bind, (node, known) => {
    const i = order.indexOf(node.inputs[0]);
    if (node.op !== "GreaterOrEqual" || i < 0) return undefined;
    const own = b.add(node.op, node.inputs.map((name) => known.get(name)!));
    const [positive, negative] = ["positive", "negative"].map((side) => b.input(`${side}${i}`, own));
    return b.op.Or(b.op.And(own, b.op.Not(negative)), positive);
  });
  return b.build(graph.name, Object.fromEntries(outputs.map((name) => [name, values.get(name)!])));
}

/** Feeds for the inputs of `withPinnedKinks()`: the fixture's signs at the first step, none later. */
function kinkFeeds(graph: Graph, step: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [i, kink] of kinks.entries()) {
    for (const side of ["positive", "negative"] as const) {
      const { shape } = graph.types.get(`${side}${i}`)!;
      const data = new Uint8Array(sizeOf(shape));
      if (step === 0) { for (const at of kink[side]) data[at] = 1; }
      feeds[`${side}${i}`] = { dtype: "bool", shape, data };
    }
  }
  return feeds;
}

const ROWS = FINETUNING_VECTORS.flatMap((vectors) => FORMS.map((form) => ({ ...vectors, ...form })));
for (const { preset, losses, gradients, updated, form, passes, last } of ROWS) {
  Deno.test(`trainingStep() reproduces docs/method F.5, preset ${preset}, ${form}`, async () => {
    const weights = vectorWeights(SPEC);
    const network = buildNetwork(SPEC, { input: SHAPE, weights, outputs: "training" });
    const { graph, state } = trainingStep(network, stepConfig(preset, new Set(weights.keys())));
    const named = ["loss", "supervision", "consistency"], wanted = Object.keys(gradients).map((k) => `gradient/${k}`);
    const pinned = withPinnedKinks(graph, [...named, ...wanted, ...state.values()]);
    const target = Float32Array.from({ length: 3 * 32 ** 3 }, (_, i) => Number(i % 7 === 0));
    const feeds: Record<string, Tensor | Resident> = {
      view1: vectorInput(SHAPE),
      view2: vectorInput(SHAPE, 0.9),
      target: tensor("float32", [1, 3, 32, 32, 32], target),
      learningRate: tensor("float32", [], [3e-4]),
    };
    const engine = await openEngine("cpu");
    try {
      for (const name of state.keys()) {
        const { shape } = graph.types.get(name)!;
        await engine.put(name, weights.get(name) ?? tensor("float32", shape, new Float32Array(sizeOf(shape))));
        feeds[name] = { resident: name };
      }
      const session = await engine.load(encodeModel(lower(pinned, { passes }).graph));
      const keep = Object.fromEntries([...state].map(([input, output]) => [output, input]));
      for (const [step, expected] of losses.entries()) {
        const outputs = await session.run(
          { ...feeds, ...kinkFeeds(pinned, step), step: tensor("float32", [], [step + 1]) },
          { keep, fetch: step === 0 ? [...named, ...wanted] : named },
        );
        named.forEach((name, i) => {
          const actual = Number(outputs[name].data[0]), error = Math.abs(actual - expected[i]) / expected[i];
          const loose = step === 2 ? last : { loss: 1e-5, consistency: CONSISTENCY_BOUNDS[step] };
          const bound = name === "consistency" ? loose.consistency : loose.loss;
          assert.ok(error <= bound, `step ${step} ${name}: expected ${expected[i]} ± ${bound} of it, got ${actual}`);
        });
        if (step > 0) continue;
        for (const [key, row] of Object.entries(gradients)) {
          const own = toOfficialLayout(outputs[`gradient/${key}`], { kind: SPEC.kind, key });
          assertRow(`gradient of ${key}`, own, { expected: row, tolerance: 1e-3 });
        }
      }
      for (const [key, expected] of Object.entries(updated)) {
        const actual = rowOf(toOfficialLayout(await engine.get(key), { kind: SPEC.kind, key }));
        const bound = UPDATED_BOUNDS[`${preset} ${key}`] ?? 2e-4;
        actual.forEach((v, i) => {
          const what = `${key} after 3 updates, entry ${i}`;
          assert.ok(Math.abs(v - expected[i]) <= bound, `${what}: expected ${expected[i]} ± ${bound}, got ${v}`);
        });
      }
    } finally {
      await engine.close();
    }
  });
}
