/** Runs models in ONNX Runtime's CPU provider in this process, as the oracle of compiler tests. */
import * as ort from "onnxruntime-node";
import { assertClose } from "../../src/graph/testing/check.ts";
import type { Tensor } from "../../src/tensor/mod.ts";

/** Relative to the largest magnitude: float32 against float64. */
const RTOL = 2e-5;

/** The outputs of a model, as numbers. */
export async function runModel(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, number[]>> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "disabled", logSeverityLevel: 4 });
  const given = Object.fromEntries(
    session.inputNames.map((name) => {
      const { dtype, shape, data } = feeds[name];
      return [name, new ort.Tensor(dtype as "float32", data as Float32Array, shape)];
    }),
  );
  const results = await session.run(given);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([k, t]) => [k, Array.from(t.data as Float32Array, Number)]));
}

/** Asserts that every element is within `RTOL` of the largest expected magnitude. */
export function assertComputed(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const scale = Math.max(1e-3, ...Array.from(expected, (v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
  assertClose(actual, expected, { atol: RTOL * scale, what });
}
