import assert from "node:assert/strict";
import type { ClassificationActivation } from "../spec.ts";
import type { ClassKind } from "../types.ts";
import { CLASSIFICATION_RECORDS, classificationRecord } from "./classification.ts";

const CASES: readonly [ClassificationActivation, outputs: number[], classes: number, ClassKind, values: number[]][] = [
  // torch.softmax, torch.sigmoid in float64
  ["softmax", [1, -0.5, 0.25], 3, "exclusive", [0.58979766, 0.13160165, 0.27860069]],
  ["sigmoid", [1, -0.5, 0.25], 3, "independent", [0.731059, 0.377541, 0.562177]],
  ["sigmoid", [2], 1, "independent", [0.880797]],
  ["logit", [-0.5], 2, "exclusive", [0.622459, 0.377541]],
  ["probabilities", [0.2, 0.5, 0.3], 3, "exclusive", [0.2, 0.5, 0.3]],
  ["probabilities", [0.9, 0.8, 0.1], 3, "independent", [0.9, 0.8, 0.1]],
  ["probabilities", [0.9], 2, "exclusive", [0.1, 0.9]],
  ["probabilities", [0.9], 1, "independent", [0.9]],
  ["probabilities", [1.001, -0.001], 2, "exclusive", [1, 0]],
  ["values", [63.5, -12], 2, "values", [63.5, -12]],
];

for (const [activation, outputs, classes, kind, values] of CASES) {
  Deno.test(`activation ${activation} reads [${outputs}] for ${classes} classes as ${kind}`, () => {
    const record = CLASSIFICATION_RECORDS[activation];
    assert.ok(record.outputs(classes).includes(outputs.length));
    const found = record.read(Float32Array.from(outputs), classes);
    assert.equal(found.kind, kind);
    assert.equal(found.values.length, classes);
    found.values.forEach((v, i) => assert.ok(Math.abs(v - values[i]) < 1e-6, `${v}, expected ${values[i]}`));
  });
}

Deno.test("activation probabilities refuses what is no probability, with the value", () => {
  assert.throws(() => CLASSIFICATION_RECORDS.probabilities.read(Float32Array.of(0.5, 2.5), 2), {
    code: "invalid-output",
    message: "Cannot classify: expected probabilities from 0 to 1 from the network, got 2.5; " +
      "choose the activation that the network lacks",
  });
});

Deno.test("classificationRecord() is that of softmax where a package states none", () => {
  const settings = { roi: [8, 8, 8], overlap: 0, blending: "constant", threshold: 0.5 } as const;
  assert.equal(classificationRecord(settings), CLASSIFICATION_RECORDS.softmax);
  assert.equal(classificationRecord({ ...settings, activation: "values" }), CLASSIFICATION_RECORDS.values);
});

Deno.test("activation softmax doubts numbers that add up to 1, and no others", () => {
  const doubt = (...outputs: number[]) => CLASSIFICATION_RECORDS.softmax.read(Float32Array.from(outputs), 2).doubt;
  assert.match(doubt(0.9, 0.1)!, /^the network's numbers add up to 1 \(0\.900, 0\.100\), as probabilities do/);
  assert.deepEqual([doubt(0.9, 0.2), doubt(1.5, -0.5), doubt(3, -2)], [undefined, undefined, undefined]);
});
