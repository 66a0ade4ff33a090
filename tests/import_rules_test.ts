/** Every import rule in ONNX Runtime: the foreign file itself, and the file that comes out of the IR. */
import assert from "node:assert/strict";
import { encodeModel, evaluate, importModel, verify } from "../src/graph/mod.ts";
import { IMPORT_RULES } from "../src/graph/read/nodes.ts";
import { OPS } from "../src/graph/ops/mod.ts";
import { IMPORT_CASES, importCase } from "./testing/import_cases.ts";
import { assertComputed, runModel } from "./testing/onnx_runtime.ts";

for (const [i, testCase] of IMPORT_CASES.entries()) {
  const { op, opset = 20, attrs = {} } = testCase;
  Deno.test(`importModel() rewrites ${op} of operator set ${opset} without changing it (${i}: ${Object.keys(attrs)})`, async () => {
    const { model, feeds } = importCase(testCase);
    const expected = await runModel(model, feeds);
    const graph = importModel(model);
    verify(graph);
    const reference = evaluate(graph, feeds);
    const run = await runModel(encodeModel(graph), feeds);
    for (const [name, values] of Object.entries(expected)) {
      assertComputed(reference[name].data, values, `evaluate ${name}`);
      assertComputed(run[name], values, `ONNX Runtime ${name}`);
    }
  });
}

Deno.test("IMPORT_CASES covers every import rule", () => {
  const covered = new Set(IMPORT_CASES.map((c) => c.op));
  assert.deepEqual(Object.keys(IMPORT_RULES).filter((op) => !covered.has(op)), []);
});

Deno.test("IMPORT_CASES covers every operator of the IR", () => {
  const covered = new Set(IMPORT_CASES.flatMap((c) => importModel(importCase(c).model).nodes.map((n) => n.op)));
  assert.deepEqual(Object.keys(OPS).filter((op) => !covered.has(op as keyof typeof OPS)), []);
});

Deno.test("assertComputed() fails on one wrong element", () => {
  assert.throws(() => assertComputed([1, 2.001], [1, 2], "y"), /worst is \[1\]: expected 2, got 2.001/);
  assert.throws(() => assertComputed([1, NaN], [1, 2], "y"), /worst is \[1\]: expected 2, got NaN/);
});
