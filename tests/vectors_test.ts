/** METHODS.md F.2: forward vectors of the official networks on the CPU engine in float32, to 1e-4 of each row's std. */
import assert from "node:assert/strict";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { encodeModel, type Tensor, tensor } from "../src/graph/mod.ts";
import { buildNetwork, type NetworkSpec, toOfficialAxes } from "../src/nets/mod.ts";
import { assertRow, type Row, vectorInput, vectorWeights } from "./_vectors.ts";

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

async function run(engine: Engine, model: Uint8Array, image: Tensor): Promise<Record<string, Tensor>> {
  const session = await engine.load(model);
  try {
    return await session.run({ image });
  } finally {
    await session.release();
  }
}

for (const { name, spec, input, template, expected } of FORWARD) {
  Deno.test(`buildNetwork() of ${name} gives the official outputs in evaluation`, async () => {
    const engine = await openEngine("cpu");
    try {
      const graph = buildNetwork(spec, { input, weights: vectorWeights(spec, { template }), outputs: "training" });
      const outputs = await run(engine, encodeModel(graph), vectorInput(input));
      for (const { output, row, officialAxes = false, tolerance = 1e-4 } of expected) {
        const t = officialAxes ? toOfficialAxes(outputs[output]) : outputs[output];
        assertRow(output, t, { expected: row, tolerance });
      }
    } finally {
      await engine.close();
    }
  });
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
