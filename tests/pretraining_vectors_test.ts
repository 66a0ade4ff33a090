/**
 * docs/method F.6: three pre-training steps of a small BrainMVP encoder with two templates, as one training-step graph, in
 * the float64 `evaluate` and on the CPU engine in float32; F.4 item 5 on the same graph with templates that are zero.
 */
import assert from "node:assert/strict";
import { openEngine } from "../src/engine/mod.ts";
import { CPU_PASSES, encodeModel, evaluate, type Graph, lower } from "../src/graph/mod.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../src/tensor/mod.ts";
import { buildNetwork, isBuffer, type NetworkSpec, toOfficialLayout, type Weights } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, PRETRAINING_LOSSES, pretrainingStep, type PretrainingStepConfig } from "../src/train/mod.ts";
import { type Row, rowOf, vectorInput, vectorWeights } from "./testing/vectors.ts";

/** Loss, MD, CMR and contrast before each update. */
const LOSSES = [
  [1.60797057537, 0.457408453862, 0.457411024447, 0.693151097056],
  [1.60609253315, 0.456572229262, 0.456406957488, 0.693113346399],
  [1.60370687215, 0.455702285524, 0.455735868694, 0.692268717928],
];
/** Gradient of `rep_template`, both templates in one. */
const GRADIENT: Row = [-3.30872245021e-24, 5.03720341374e-6, 0, 0, 0];
/** The same in float32, where extrema have ties, in PyTorch too (scripts/peer/pretraining.py). */
const GRADIENT_FLOAT32: Row = [0, 4.80340213471e-6, 0, 0, 0];
const UPDATED: Readonly<Record<string, Row>> = {
  rep_template: [8.45767356293e-6, 0.00391617590523, -0.000536859250369, -0.0033722288946, 0.00476573189588],
  "encoder.uniformer.blocks1.0.attn.weight": [
    3.6196693934e-5,
    0.0632871470708,
    0.0595278270504,
    0.00151832963876,
    -0.0776731420201,
  ],
  "encoder.uniformer.norm.running_var": [1.07351333161, 0.384844211794, 0.929906623351, 0.909400591189, 0.886718388115],
  "decoder.out_1.conv.conv.weight": [
    0.0152884719481,
    0.170626800922,
    -0.23964214688,
    0.248414476445,
    -0.225500019247,
  ],
};

const SAMPLES = 2;
const SPEC: NetworkSpec = {
  kind: "uniformer-pretraining",
  config: { inChannels: 1, widths: [16, 32, 64, 128], depths: [1, 1, 2, 1], headDim: 16 },
};
const OPTIMIZER = { kind: "adamw", weightDecay: 1e-5, ...ADAM_DEFAULTS } as const;
type DType = "float32" | "float64";

function stepOf(weights: Weights, edge = 32) {
  const config: PretrainingStepConfig = {
    weights: { md: 1, cmr: 1 },
    temperature: 1,
    optimizer: OPTIMIZER,
    templates: { sizeVox: [edge, edge, edge], runs: [2], resting: 1, epsilon: 1e-9, rate: 1 },
    isTrainable: (key) => weights.has(key) && !isBuffer(key),
    exposeGradients: true,
  };
  const constants = vectorWeights(SPEC, { idle: false });
  const input = [2 * SAMPLES, 1, edge, edge, edge];
  return pretrainingStep(buildNetwork(SPEC, { input, weights: constants, outputs: "training" }), config);
}

/** Full-size masks of F.6: cell j of the grid of 8³ cells shows the image when j mod 8 is `remainder`. */
function visible(remainder: number, { dtype, edge }: { dtype: DType; edge: number }): Tensor {
  const cells = edge / 8;
  const one = Array.from({ length: edge ** 3 }, (_, v) => {
    const cell = [v / edge ** 2, (v / edge) % edge, v % edge].map((at) => Math.floor(at / 8));
    return Number(((cell[0] * cells + cell[1]) * cells + cell[2]) % 8 === remainder);
  });
  return tensor(dtype, [SAMPLES, 1, edge, edge, edge], [...one, ...one]);
}

/** Feeds that stay the same in every step. */
function fixedFeeds(dtype: DType, edge = 32): Record<string, Tensor> {
  const shape = [SAMPLES, 1, edge, edge, edge];
  const all = toNumbers(vectorInput([SAMPLES, 2, edge, edge, edge], 1, dtype));
  const modality = (m: number) => {
    const values = [0, 1].flatMap((s) => all.slice((2 * s + m) * edge ** 3, (2 * s + m + 1) * edge ** 3));
    return tensor(dtype, shape, values);
  };
  const identity = Array.from({ length: SAMPLES * edge ** 2 }, (_, i) => Number(i % edge ** 2 % (edge + 1) === 0));
  const window = tensor(dtype, [SAMPLES, edge, edge], identity);
  return {
    image: modality(0),
    other: modality(1),
    visible1: visible(0, { dtype, edge }),
    visible2: visible(3, { dtype, edge }),
    crossFromTemplate: tensor(dtype, [SAMPLES, 1, 1, 1, 1], [0, 0]),
    crossWeight: tensor(dtype, [SAMPLES], [1, 1]),
    contrastWeight: tensor(dtype, [], [1]),
    cropX: window,
    cropY: window,
    cropZ: window,
    learningRate: tensor(dtype, [], [3e-4]),
  };
}

/** Template `k` of F.6's `rep_template`. */
function templateOf(weights: Weights, k: number): Tensor {
  const { dtype, shape: [, ...shape], data } = weights.get("rep_template")!;
  return tensor(dtype, shape, data.slice(k * sizeOf(shape), (k + 1) * sizeOf(shape)));
}

type Values = Readonly<Record<string, Pick<Tensor, "shape" | "data">>>;

/** Checks three steps; `run` returns a step's outputs and keeps the state for the next. */
async function checkSteps(
  run: (step: number) => Promise<Values>,
  { relative, ofStd, gradient }: { relative: number; ofStd: number; gradient: Row },
): Promise<void> {
  for (const [step, expected] of LOSSES.entries()) {
    const outputs = await run(step);
    PRETRAINING_LOSSES.forEach((name, i) => {
      const actual = Number(outputs[name].data[0]), error = Math.abs(actual - expected[i]) / expected[i];
      assert.ok(error <= relative, `step ${step} ${name}: expected ${expected[i]} ± ${relative} of it, got ${actual}`);
    });
    if (step > 0) continue;
    assert.ok(!("gradient/template/1" in outputs), "a template that is not selected has no gradient");
    const both = [...outputs["gradient/template/0"].data as Float32Array, ...new Float64Array(32 ** 3)];
    checkRow("gradient of rep_template", Float64Array.from(both), { expected: gradient, ofStd });
  }
}

function checkRow(
  name: string,
  data: Float64Array | Float32Array,
  { expected, ofStd }: { expected: Row; ofStd: number },
): void {
  rowOf({ data }).forEach((v, i) => {
    const error = Math.abs(v - expected[i]) / expected[1];
    assert.ok(error <= ofStd, `${name}, entry ${i}: expected ${expected[i]} ± ${ofStd} std, got ${v}`);
  });
}

function checkUpdated(state: Values, ofStd: number): void {
  for (const [officialKey, expected] of Object.entries(UPDATED)) {
    const key = officialKey.replace("uniformer.", "");
    if (key === "rep_template") {
      const data = [0, 1].flatMap((k) => Array.from(state[`template/${k}`].data as Float32Array));
      checkRow("rep_template after 3 updates", Float64Array.from(data), { expected, ofStd });
      continue;
    }
    const { shape, data } = state[key];
    const { data: official } = toOfficialLayout({ dtype: "float64", shape, data }, { kind: SPEC.kind, key });
    checkRow(`${officialKey} after 3 updates`, Float64Array.from(official as Float64Array), { expected, ofStd });
  }
}

const zeros = (graph: Graph, name: string, dtype: DType) => {
  const { shape } = graph.types.get(name)!;
  return tensor(dtype, shape, Array<number>(sizeOf(shape)).fill(0));
};

const startOf = (weights: Weights, graph: Graph, name: string, dtype: DType) =>
  name.startsWith("template/")
    ? templateOf(weights, Number(name.at(-1)))
    : weights.get(name) ?? zeros(graph, name, dtype);

Deno.test("pretrainingStep() reproduces docs/method F.6 in float64", async () => {
  const weights = vectorWeights(SPEC, { idle: false, template: [2, 32, 32, 32], dtype: "float64" });
  const { graph, state } = stepOf(weights);
  const fixed = fixedFeeds("float64");
  let values: Values = Object.fromEntries(
    [...state.keys()].map((name) => [name, startOf(weights, graph, name, "float64")]),
  );
  await checkSteps((step) => {
    const feeds = { ...fixed, ...values, step: tensor("float64", [], [step + 1]) } as Record<string, Tensor>;
    const outputs = evaluate(graph, feeds);
    values = Object.fromEntries([...state].map(([input, output]) => [input, outputs[output]]));
    return Promise.resolve(outputs);
  }, { relative: 1e-9, ofStd: 1e-6, gradient: GRADIENT });
  checkUpdated(values, 1e-6);
});

Deno.test("pretrainingStep() reproduces docs/method F.6 on the CPU engine", async () => {
  const weights = vectorWeights(SPEC, { idle: false, template: [2, 32, 32, 32] });
  const { graph, state } = stepOf(weights);
  const fixed = fixedFeeds("float32");
  const engine = await openEngine("cpu");
  try {
    for (const name of state.keys()) await engine.put(name, startOf(weights, graph, name, "float32"));
    const session = await engine.load(encodeModel(lower(graph, { passes: CPU_PASSES }).graph));
    const residents = Object.fromEntries([...state.keys()].map((name) => [name, { resident: name }]));
    const keep = Object.fromEntries([...state].map(([input, output]) => [output, input]));
    const fetch = graph.outputs.filter((name) => !name.startsWith("next/"));
    await checkSteps(
      (step) => session.run({ ...fixed, ...residents, step: tensor("float32", [], [step + 1]) }, { keep, fetch }),
      { relative: 1e-5, ofStd: 1e-3, gradient: GRADIENT_FLOAT32 },
    );
    const names = ["template/0", "template/1", ...Object.keys(UPDATED).map((key) => key.replace("uniformer.", ""))];
    const read = names.filter((name) => state.has(name)).map(async (name) => [name, await engine.get(name)] as const);
    checkUpdated(Object.fromEntries(await Promise.all(read)), 1e-3);
  } finally {
    await engine.close();
  }
});

Deno.test("pretrainingStep() gives every voxel of a zero template a gradient and others none (docs/method F.4 item 5)", () => {
  const weights = vectorWeights(SPEC, { idle: false, dtype: "float64" });
  const { graph, state } = stepOf(weights, 16);
  const fixed = fixedFeeds("float64", 16);
  const start = [...state.keys()].map((name) => [name, weights.get(name) ?? zeros(graph, name, "float64")]);
  const outputs = evaluate(graph, { ...fixed, ...Object.fromEntries(start), step: tensor("float64", [], [1]) });
  assert.ok(!graph.outputs.includes("gradient/template/1"));
  const gradient = outputs["gradient/template/0"].data;
  assert.ok(gradient.every((g) => g !== 0), "shared by the ties");
  // where the copy shows the patch, only the ties' share is left
  const shown = fixed.visible1.data as Float64Array;
  assert.equal(new Set(gradient.filter((_, v) => shown[v] === 1)).size, 1);
  // p = 0 moves by -lr·g/(|g| + ε), and ε is tiny beside a gradient divided by 1e-9
  const moved = outputs["next/template/0"].data;
  assert.ok(moved.every((p, v) => Math.abs(p + 3e-4 * Math.sign(gradient[v])) < 1e-6), "a step of the sign");
  assert.ok(outputs["next/template/1"].data.every((p) => p === 0));
});
