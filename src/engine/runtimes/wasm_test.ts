import assert from "node:assert/strict";
import { tensor } from "../../tensor/tensor.ts";
import { foreignModel, type ForeignNode } from "../../../tests/testing/onnx_model.ts";
import { DeviceEngine } from "../mod.ts";

/** Negates ever more values: each step takes memory that the process has not had before. */
function growing(steps: number): Uint8Array {
  const nodes: ForeignNode[] = [];
  for (let i = 0; i < steps; i++) {
    nodes.push({ op: "Concat", inputs: [`x${i}`, "x0"], outputs: [`y${i}`], attrs: { axis: 0 } });
    nodes.push({ op: "Neg", inputs: [`y${i}`], outputs: [`x${i + 1}`] });
  }
  nodes.push({ op: "ReduceMax", inputs: [`x${steps}`], outputs: ["most"], attrs: { keepdims: 0 } });
  const inputs = { x0: { dtype: "float32", shape: [-1] } } as const;
  return foreignModel({ inputs, outputs: { most: { dtype: "float32", shape: [] } }, nodes });
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

/** A thread that fails, and a main one that waits for it in a loop without end. */
const WAITING = `
import { Worker } from "node:worker_threads";
const failing = "import { parentPort } from 'node:worker_threads'; parentPort.postMessage(0); setTimeout(() => { throw new Error('trap') }, 100)";
const thread = new URL(Deno.args[0]);
thread.searchParams.set("module", "data:text/javascript," + encodeURIComponent(failing));
new Worker(thread).on("message", () => { while (true); });
`;

Deno.test("a thread of the wasm provider that fails ends the process and says why", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/waiting.ts`, WAITING);
    const { signal, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-config", `${folder}/waiting.ts`, import.meta.resolve("./_wasm_thread.ts")],
      stdin: "null",
      signal: AbortSignal.timeout(30_000),
    }).output();
    assert.deepEqual([signal, new TextDecoder().decode(stderr)], ["SIGTERM", "Error: trap\n"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
