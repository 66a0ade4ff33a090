import assert from "node:assert/strict";
import { toNumbers, toTensor } from "../../tensor/mod.ts";
import { dict, EMPTY_DICT, nested, pickleOf, tensorCode, text } from "../testing/pickle.ts";
import { toFloat32 } from "../../tensor/stored.ts";
import { rawZip } from "../../storage/testing/zip.ts";
import { formatOf } from "./formats.ts";
import { PYTORCH } from "./pytorch.ts";
import { SAFETENSORS } from "./safetensors.ts";

const FIXTURES = "tests/fixtures/checkpoints";

Deno.test("formatOf() recognises formats by content, and says how to convert files from before PyTorch 1.6", async () => {
  assert.equal(await formatOf(`${FIXTURES}/odd.pt`), "pytorch");
  assert.equal(await formatOf(`${FIXTURES}/odd.safetensors`), "safetensors");
  assert.equal(await formatOf("tests/fixtures/hand13.onnx"), "onnx");
  assert.equal(await formatOf("tests/fixtures/hostile/empty.onnx"), "onnx");
  await assert.rejects(formatOf(`${FIXTURES}/legacy.pt`), {
    name: "TypeError",
    message: /expected a file that PyTorch 1\.6 or later wrote.*torch\.save\(torch\.load\(FILE, weights_only=True\)/,
  });
});

Deno.test("read() reads views, shared storages and every element type as PyTorch wrote them", async () => {
  const { tensors } = await PYTORCH.read(`${FIXTURES}/odd.pt`);
  const written = (await SAFETENSORS.read(`${FIXTURES}/odd.safetensors`)).tensors;
  assert.deepEqual([...tensors.keys()].toSorted(), [...written.keys(), "parameter"].toSorted());
  for (const [key, t] of written) assert.deepEqual(tensors.get(key), t, key);
  const cube = tensors.get("columns")!;
  assert.deepEqual([cube.shape, toNumbers(toTensor(cube)).slice(0, 7)], [[4, 2, 3], [0, 4, 8, 12, 16, 20, 1]]);
  assert.deepEqual(toNumbers(toFloat32(tensors.get("parameter")!)), [1, 1]);
});

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const GOOD = pickleOf(dict([text("a"), tensorCode({ shape: [2] })]));
const data = { name: "x/data/0", content: floats(1, 2) };
const zip = (pickle: Uint8Array, ...others: Parameters<typeof rawZip>[0][number][]) =>
  rawZip([{ name: "x/data.pkl", content: pickle }, ...others]);

async function readBytes(bytes: Uint8Array) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    return await PYTORCH.read(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("PYTORCH.read() reads storages that are deflated", async () => {
  const { tensors } = await readBytes(zip(GOOD, { ...data, deflate: true }));
  assert.deepEqual(toNumbers(toFloat32(tensors.get("a")!)), [1, 2]);
});

const HOSTILE: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "a name that climbs out": [zip(GOOD, data, { name: "../../evil", content: floats(1) }), /a file name is unsafe/],
  "an absolute name": [zip(GOOD, data, { name: "/etc/cron.d/evil", content: floats(1) }), /a file name is unsafe/],
  "storages over each other": [zip(GOOD, { ...data, lie: { offset: 0 } }), /two files share the same bytes/],
  "a storage that runs into the directory": [zip(GOOD, { ...data, lie: { offset: 9999 } }), /runs into the directory/],
  "a storage with a wrong checksum": [zip(GOOD, { ...data, lie: { crc32: 1 } }), /a file is damaged/],
  "a storage that claims more than it has": [
    zip(pickleOf(dict([text("a"), tensorCode({ shape: [2 ** 20] })])), {
      ...data,
      deflate: true,
      lie: { bytes: 2 ** 22 },
    }),
    /far more than its packed size/,
  ],
  "a pickle that is a zip bomb": [
    zip(new Uint8Array(2 ** 22), data).slice(),
    /Cannot read the pickle/,
  ],
  "two storages of one name": [zip(GOOD, data, { ...data, name: "X/DATA/0" }), /two files have the same name/],
  "deep nesting": [zip(pickleOf(nested(1000)), data), /containers in each other/],
  "no state": [zip(pickleOf(EMPTY_DICT), { name: "x/code/a.py", content: floats(1) }), /TorchScript/],
  "a model package": [rawZip([{ name: "manifest.json", content: floats(1) }]), /this is a model package/],
};
for (const [name, [bytes, message]] of Object.entries(HOSTILE)) {
  Deno.test(`PYTORCH.read() refuses ${name}`, async () => {
    await assert.rejects(readBytes(bytes), { message });
  });
}

Deno.test("PYTORCH.read() refuses a checkpoint cut anywhere", async () => {
  const whole = zip(GOOD, data);
  for (let n = 0; n < whole.length; n += 7) {
    await assert.rejects(readBytes(whole.subarray(0, n)), {
      name: "DomainError",
      message: /Cannot read the zip archive/,
    });
  }
});
