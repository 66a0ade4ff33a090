/** Every import rule against ONNX Runtime running the foreign file itself: before and after it went through the IR. */
import assert from "node:assert/strict";
import * as ort from "onnxruntime-node";
import { encodeModel, evaluate, type Graph, importModel, type Tensor, tensor, verify } from "../src/graph/mod.ts";
import { IMPORT_RULES } from "../src/graph/normalize.ts";
import { IMPORT_CASES, type ImportCase } from "./_import_cases.ts";
import { foreignModel } from "./_onnx_model.ts";

/** Relative to the largest magnitude: float32 against float64. */
const RTOL = 2e-5;

function prepare({ op, inputs, opset = 20, attrs, outputs = 1 }: ImportCase) {
  const feeds: Record<string, Tensor> = {}, constants: Record<string, Tensor> = {};
  const names = inputs.map((input, i) => {
    if (input === null) return "";
    if ("dtype" in input) constants[`x${i}`] = input;
    else feeds[`x${i}`] = "feed" in input ? input.feed : wave(input, i);
    return `x${i}`;
  });
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const nodes = [{ op, inputs: names, outputs: results, attrs }];
  return { model: foreignModel({ opset, inputs: feeds, constants, nodes, outputs: results }), feeds };
}

/** Distinct values of both signs. */
function wave(shape: readonly number[], seed: number): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor("float32", shape, Array.from({ length: n }, (_, i) => Math.sin(1 + seed + 2.3 * i) * 1.5));
}

/** Runs bytes in ONNX Runtime. */
async function runModel(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, number[]>> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "disabled" });
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

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const scale = Math.max(1e-3, ...Array.from(expected, (v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
  for (let i = 0; i < expected.length; i++) {
    const equal = Object.is(actual[i], expected[i]) || Math.abs(actual[i] - expected[i]) <= RTOL * scale;
    assert.ok(equal, `${what}[${i}]: ${actual[i]}, expected ${expected[i]} within ${RTOL * scale}`);
  }
}

for (const [i, testCase] of IMPORT_CASES.entries()) {
  const { op, opset = 20, attrs = {} } = testCase;
  Deno.test(`importModel() rewrites ${op} of operator set ${opset} without changing it (${i}: ${Object.keys(attrs)})`, async () => {
    const { model, feeds } = prepare(testCase);
    const expected = testCase.expected === undefined ? await runModel(model, feeds) : { y0: testCase.expected };
    const graph: Graph = importModel(model);
    verify(graph);
    const reference = evaluate(graph, feeds);
    const run = await runModel(encodeModel(graph), feeds);
    for (const [name, values] of Object.entries(expected)) {
      assertClose(reference[name].data, values, `evaluate ${name}`);
      assertClose(run[name], values, `ONNX Runtime ${name}`);
    }
  });
}

Deno.test("IMPORT_CASES covers every import rule", () => {
  const covered = new Set(IMPORT_CASES.map((c) => c.op));
  assert.deepEqual(Object.keys(IMPORT_RULES).filter((op) => !covered.has(op)), []);
});

Deno.test("assertClose() fails on one wrong element", () => {
  assert.throws(() => assertClose([1, 2.001], [1, 2], "y"), /y\[1\]: 2.001, expected 2 within/);
  assert.throws(() => assertClose([1, NaN], [1, 2], "y"), /y\[1\]/);
});
