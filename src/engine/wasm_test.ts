import assert from "node:assert/strict";
import { tensor } from "../graph/tensor.ts";
import { modelBytes, type ModelNode } from "./_model.ts";
import { DeviceEngine } from "./mod.ts";

/** Negates ever more values: each step takes memory that the process has not had before. */
function growing(steps: number): Uint8Array {
  const nodes: ModelNode[] = [];
  for (let i = 0; i < steps; i++) {
    nodes.push({ op: "Concat", inputs: [`x${i}`, "x0"], outputs: [`y${i}`], attributes: { axis: 0 } });
    nodes.push({ op: "Neg", inputs: [`y${i}`], outputs: [`x${i + 1}`] });
  }
  nodes.push({ op: "ReduceMax", inputs: [`x${steps}`], outputs: ["most"], attributes: { keepdims: 0 } });
  const inputs = { x0: { dtype: "float32", shape: [-1] } } as const;
  return modelBytes({ inputs, outputs: { most: { dtype: "float32", shape: [] } }, nodes });
}

Deno.test("threads of the wasm provider see what the heap has grown by while they run", async () => {
  const engine = await DeviceEngine.open("wasm", { threads: 2 });
  try {
    assert.equal(engine.deviceName, "WebAssembly, 2 threads");
    const session = await engine.load(growing(41), { optimization: "disabled" });
    const x0 = tensor("float32", [2 ** 18], new Float32Array(2 ** 18).fill(-5));
    const { most } = await session.run({ x0 }, { timeoutMs: 20_000 });
    assert.equal(most.data[0], 5);
  } finally {
    await engine.close();
  }
});
