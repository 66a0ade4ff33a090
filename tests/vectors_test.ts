/**
 * docs/method F.2: forward vectors of the official networks, in evaluation and with batch statistics, on the CPU engine in
 * float32, to 1e-4 of each row's std.
 */
import assert from "node:assert/strict";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { encodeModel, type Graph, GraphBuilder, type Value } from "../src/graph/mod.ts";
import { type Tensor, tensor } from "../src/tensor/mod.ts";
import { buildNetwork, type NetworkSpec, toOfficialAxes } from "../src/nets/mod.ts";
import { batchNorm } from "../src/train/step/batch_norm.ts";
import { assertRow, type Row, vectorInput, vectorWeights } from "./testing/vectors.ts";

interface Expected {
  readonly output: string;
  readonly row: Row;
  /** Reported in the official order of axes Z, X, Y. */
  readonly officialAxes?: boolean;
  readonly tolerance?: number;
}

const FORWARD: readonly {
  readonly name: string;
  readonly spec: NetworkSpec;
  readonly input: readonly number[];
  readonly template?: readonly number[];
  readonly expected: readonly Expected[];
}[] = [
  {
    name: "BrainMVP encoder and pre-training decoder",
    spec: { kind: "uniformer-pretraining", config: {} },
    input: [1, 1, 32, 32, 32],
    template: [2, 8, 8, 8],
    expected: [
      { output: "x1", officialAxes: true, row: [.0176057731, 1.43362626, -1.22935439, .260438741, -.904152926] },
      { output: "x2", officialAxes: true, row: [-.00481851698, 2.57862702, -1.60955481, 2.24052356, -.121461922] },
      { output: "x3", officialAxes: true, row: [-.0262130774, 8.92482192, -3.33922425, -2.33034049, -9.91174795] },
      { output: "x4", officialAxes: true, row: [.00919154223, 3.54709654, -7.11332254, 2.22617538, -4.38200006] },
      // std 8.4e-6 around −0.029, where neighbouring float32 numbers lie 2.2e-4 std apart: no float32 can do 1e-4
      { output: "out", tolerance: 4e-4, row: [-.028788556, 8.444e-6, -.0287875593, -.0287867905, -.028783792] },
    ],
  },
  {
    name: "UniUnet 4→3",
    spec: { kind: "uniunet", config: {} },
    input: [1, 4, 32, 32, 32],
    expected: [{ output: "out", row: [-.165311265, .203423672, .431884847, -.433646193, -.608438799] }],
  },
  {
    name: "UNet3D_g 4→3 width 16",
    spec: { kind: "unet3d", config: { width: 16 } },
    input: [1, 4, 32, 32, 32],
    expected: [
      { output: "out", row: [.0127519809, .216234697, .197630144, .0398636428, .0178691225] },
      // group normalisation makes no difference between evaluation and training
      { output: "out4", row: [.0929023032, .230910934, -.0868892691, .347300957, -.288621406] },
    ],
  },
];

/** As FORWARD, in training mode; `next/…` is the updated statistic. */
const TRAINING: typeof FORWARD = [
  {
    name: "BrainMVP encoder",
    spec: FORWARD[0].spec,
    input: [2, 1, 32, 32, 32],
    template: FORWARD[0].template,
    expected: [
      { output: "x4", officialAxes: true, row: [-.000196932709, 1.00541427, .930478534, .932410719, -1.55191509] },
      {
        output: "next/encoder.norm.running_mean",
        row: [-5.46618036e-5, .350767989, -.774793916, .195497601, -.323773297],
      },
      {
        output: "next/encoder.norm.running_var",
        row: [.938019908, .0701080389, .986745604, .943703131, 1.00638542],
      },
    ],
  },
  {
    name: "UniUnet 4→3",
    spec: FORWARD[1].spec,
    input: [2, 4, 32, 32, 32],
    expected: [
      { output: "out", row: [-.165428285, .203403998, .442152129, .282636155, -.55520041] },
      { output: "out4", row: [.0346608632, .262243194, -.122142801, -.0208226247, .0504687543] },
      { output: "out3", row: [.115293694, .221951282, .0103520786, -.117454178, .227065473] },
    ],
  },
];

async function run(graph: Graph, image: Tensor): Promise<Record<string, Tensor>> {
  const engine: Engine = await openEngine("cpu");
  try {
    const session = await engine.load(encodeModel(graph));
    return await session.run({ image });
  } finally {
    await engine.close();
  }
}

/** `graph` with batch statistics; every updated running statistic is a further output `next/<key>`. */
function withBatchStatistics(graph: Graph): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", graph.types.get("image")!);
  const next: Record<string, Value> = {};
  const values = b.inline(graph, (name) => (name === "image" ? image : undefined), (node, known) => {
    if (node.op !== "BatchNormalization") return undefined;
    const [x, scale, bias, mean, variance] = node.inputs.map((name) => known.get(name)!);
    const { y, nextMean, nextVariance } = batchNorm(b.op, { x, scale, bias, mean, variance }, {
      epsilon: Number(node.attrs.epsilon),
    });
    next[`next/${node.inputs[3]}`] = nextMean;
    next[`next/${node.inputs[4]}`] = nextVariance;
    return y;
  });
  return b.build(graph.name, {
    ...Object.fromEntries(graph.outputs.map((name) => [name, values.get(name)!])),
    ...next,
  });
}

for (const [mode, cases] of [["evaluation", FORWARD], ["training", TRAINING]] as const) {
  for (const { name, spec, input, template, expected } of cases) {
    Deno.test(`buildNetwork() of ${name} gives the official outputs in ${mode}`, async () => {
      const built = buildNetwork(spec, { input, weights: vectorWeights(spec, { template }), outputs: "training" });
      const outputs = await run(mode === "training" ? withBatchStatistics(built) : built, vectorInput(input));
      for (const { output, row, officialAxes = false, tolerance = 1e-4 } of expected) {
        const t = officialAxes ? toOfficialAxes(outputs[output]) : outputs[output];
        assertRow(output, t, { expected: row, tolerance });
      }
    });
  }
}

Deno.test("toOfficialAxes() permutes the input as the official encoder does", () => {
  const x0 = toOfficialAxes(vectorInput([1, 1, 32, 32, 32]));
  assertRow("x0", x0, { expected: [.500637495, .353294654, .5, .579659103, .905062127], tolerance: 1e-6 });
});

Deno.test("assertRow() fails on one element that is off", () => {
  const t = tensor("float32", [4], [1, 2, 3, 4]);
  const row: Row = [2.5, Math.sqrt(1.25), 1, 3, 4];
  assertRow("t", t, { expected: row, tolerance: 1e-6 });
  assert.throws(() => assertRow("t", t, { expected: row.with(3, 3.001) as unknown as Row, tolerance: 1e-4 }), {
    message: /^t: worst error 0.0008\d* std > 0.0001: expected /,
  });
});
