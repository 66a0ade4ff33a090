import assert from "node:assert/strict";
import { foreignModel } from "../../../tests/testing/onnx_model.ts";
import { signatureOf } from "./signature.ts";

Deno.test("signatureOf() returns names and sizes in the file's order, -1 for an open one", () => {
  const f32 = (...shape: number[]) => ({ dtype: "float32" as const, shape });
  const bytes = foreignModel({
    inputs: { z: f32(-1, 3), a: f32() },
    outputs: { same: f32(-1, 3), again: f32(-1, 3) },
    nodes: [
      { op: "Add", inputs: ["z", "a"], outputs: ["same"], attrs: {} },
      { op: "Identity", inputs: ["same"], outputs: ["again"], attrs: {} },
    ],
  });
  assert.deepEqual(signatureOf(bytes), {
    inputs: [{ name: "z", shape: [-1, 3] }, { name: "a", shape: [] }],
    outputs: [{ name: "same", shape: [-1, 3] }, { name: "again", shape: [-1, 3] }],
  });
  assert.throws(() => signatureOf(bytes.slice(0, 20)));
});
