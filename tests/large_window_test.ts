/**
 * Sums and normalisations over windows of 128³ on every engine of this machine, against float64. The values are those of
 * a brain in its background: most are equal, so that rounding errors of a plain sum all point the same way.
 */
import assert from "node:assert/strict";
import { Devices } from "../src/engine/mod.ts";
import { encodeModel, GraphBuilder, lower, type Ops, type Value } from "../src/graph/mod.ts";
import { Random, tensor } from "../src/tensor/mod.ts";

const EDGE = 128, VOXELS = EDGE ** 3, EPSILON = 1e-5;
/** Mean of each channel, in deviations. */
const MEANS = [0, 100];
const SHAPE = [1, MEANS.length, EDGE, EDGE, EDGE];
/** Allowed error, in deviations. */
const TOLERANCE = 1e-4;

const BRAIN = ((random: Random) =>
  Float32Array.from({ length: MEANS.length * VOXELS }, (_, i) => {
    const at = [EDGE * EDGE, EDGE, 1].map((stride) => Math.floor(i / stride) % EDGE - EDGE / 2);
    const tissue = Math.hypot(...at) < 0.4 * EDGE ? 2 + 0.3 * random.uniform() : 0.3;
    return MEANS[Math.floor(i / VOXELS)] + tissue;
  }))(new Random("large windows"));

/** Mean and deviation of each channel in float64. */
const MOMENTS = MEANS.map((_, c) => {
  const values = BRAIN.subarray(c * VOXELS, (c + 1) * VOXELS);
  const mean = values.reduce((sum, v) => sum + v, 0) / VOXELS;
  return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / VOXELS) };
});

const filled = (value: number) => tensor("float32", [MEANS.length], MEANS.map(() => value));
const hat = (v: number, i: number) => {
  const { mean, deviation } = MOMENTS[Math.floor(i / VOXELS)];
  return (v - mean) / Math.sqrt(deviation ** 2 + EPSILON);
};

/** What is computed, and element i of it in float64, in deviations. */
const CASES: Readonly<Record<string, [build: (op: Ops, x: Value) => Value, expected: (i: number) => number]>> = {
  "InstanceNormalization": [
    (op, x) => op.InstanceNormalization(x, filled(1.5), filled(-2), { epsilon: EPSILON }),
    (i) => 1.5 * hat(BRAIN[i], i) - 2,
  ],
  "GroupNormalization, as PyTorch writes it": [
    (op, x) => {
      const rows = op.InstanceNormalization(op.Reshape(x, [1, MEANS.length, -1]), filled(1), filled(0), {
        epsilon: EPSILON,
      });
      return op.Reshape(rows, SHAPE);
    },
    (i) => hat(BRAIN[i], i),
  ],
  "ReduceMean": [
    (op, x) => op.Sub(op.ReduceMean(x, [2, 3, 4], { keepdims: 0 }), tensor("float32", [1, 2], MEANS)),
    (i) => MOMENTS[i].mean - MEANS[i],
  ],
  "GlobalAveragePool": [
    (op, x) => op.Sub(op.Reshape(op.GlobalAveragePool(x), [1, 2]), tensor("float32", [1, 2], MEANS)),
    (i) => MOMENTS[i].mean - MEANS[i],
  ],
};

const devices = new Devices();
for (const { provider } of (await devices.probe()).filter((d) => d.state === "ready")) {
  Deno.test(`the ${provider} engine sums windows of 128³ exactly`, async (t) => {
    const engine = await devices.open(provider, { precision: "float32" });
    for (const [name, [build, expected]] of Object.entries(CASES)) {
      await t.step(name, async () => {
        const b = new GraphBuilder();
        const x = b.input("x", { dtype: "float32", shape: SHAPE });
        const { graph } = lower(b.build("large", { y: build(b.op, x) }), engine.lowering);
        const session = await engine.load(encodeModel(graph));
        const { y } = await session.run({ x: tensor("float32", SHAPE, BRAIN) });
        await session.release();
        let worst = 0;
        y.data.forEach((v, i) => worst = Math.max(worst, Math.abs(Number(v) - expected(i))));
        assert.ok(worst <= TOLERANCE, `differs by ${worst} deviations`);
      });
    }
    await engine.close();
  });
}
