import assert from "node:assert/strict";
import { type Tensor, tensor } from "../../tensor/mod.ts";
import { readCheckpoint, saveCheckpoint } from "./checkpoint.ts";

const TENSORS = new Map<string, Tensor>([
  ["encoder.norm.weight", tensor("float32", [2, 3], [1.5, -2, 3e-39, Infinity, 0, -0])],
  ["flags", tensor("uint8", [3], [0, 1, 255])],
  ["größe", tensor("float64", [], [Math.PI])],
  ["counter", tensor("int64", [1], [-7])],
]);
const PROGRESS = { run: "Fäll „α“", step: 3, losses: [0.1, 1 / 3, 1e-12] };

async function inFolder(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/checkpoint.safetensors`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readCheckpoint() returns what saveCheckpoint() wrote, bit for bit", () =>
  inFolder(async (path, folder) => {
    await saveCheckpoint(path, { tensors: TENSORS, progress: PROGRESS });
    assert.deepEqual(await readCheckpoint(path), { tensors: TENSORS, progress: PROGRESS });
    assert.deepEqual([...Deno.readDirSync(folder)].map((f) => f.name), ["checkpoint.safetensors"]);
  }));

Deno.test("saveCheckpoint() writes the safetensors layout: length, JSON padded to 8 bytes, then the data", () =>
  inFolder(async (path) => {
    await saveCheckpoint(path, { tensors: TENSORS, progress: PROGRESS });
    const bytes = await Deno.readFile(path);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(length % 8, 0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    assert.deepEqual(header["encoder.norm.weight"], { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] });
    assert.equal(bytes.length, 8 + length + header.counter.data_offsets[1]);
  }));

Deno.test("saveCheckpoint() replaces the former checkpoint", () =>
  inFolder(async (path) => {
    await saveCheckpoint(path, { tensors: TENSORS, progress: PROGRESS });
    await saveCheckpoint(path, { tensors: new Map(), progress: { ...PROGRESS, step: 4 } });
    assert.deepEqual(await readCheckpoint(path), { tensors: new Map(), progress: { ...PROGRESS, step: 4 } });
  }));

Deno.test("readCheckpoint() returns null where there is none", () =>
  inFolder(async (path) => assert.equal(await readCheckpoint(path), null)));

Deno.test("readCheckpoint() refuses every truncation of a checkpoint", () =>
  inFolder(async (path) => {
    await saveCheckpoint(path, { tensors: TENSORS, progress: PROGRESS });
    const bytes = await Deno.readFile(path);
    for (let n = 0; n < bytes.length; n += n < bytes.length - 10 ? 13 : 1) {
      await Deno.writeFile(path, bytes.subarray(0, n));
      await assert.rejects(readCheckpoint(path), {
        name: "SyntaxError",
        message: "Cannot read the checkpoint: the file is damaged",
      }, `${n} bytes`);
    }
  }));
