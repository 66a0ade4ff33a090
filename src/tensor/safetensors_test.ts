import assert from "node:assert/strict";
import { type Tensor, tensor, toNumbers } from "./tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { toFloat32, toTensor } from "./stored.ts";

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((p) => [...p]));

const TENSORS = new Map<string, Tensor>([
  ["b", tensor("float32", [2, 2], [1.5, -0, 3e-39, -7])],
  ["a", tensor("int64", [], [-5])],
  ["empty", tensor("uint8", [0, 3], [])],
]);

Deno.test("decodeSafetensors() gives back what encodeSafetensors() wrote, bit for bit and in order", () => {
  const { tensors, metadata } = decodeSafetensors(joined(encodeSafetensors(TENSORS, { format: "pt" })));
  assert.deepEqual(metadata, { format: "pt" });
  assert.deepEqual([...tensors].map(([key, t]) => [key, toTensor(t)]), [...TENSORS]);
  assert.deepEqual(decodeSafetensors(joined(encodeSafetensors(new Map()))), { tensors: new Map(), metadata: {} });
});

Deno.test("decodeSafetensors() reads every element type that the format's own writer wrote (Python)", async () => {
  const bytes = await Deno.readFile("tests/fixtures/checkpoints/odd.safetensors");
  const { tensors, metadata } = decodeSafetensors(bytes);
  assert.deepEqual(metadata, { format: "pt" });
  const floats = (key: string) => toNumbers(toFloat32(tensors.get(key)!));
  assert.deepEqual(floats("half"), [1.5, -2, Math.fround(6.097555160522461e-5), 65504]);
  assert.deepEqual(floats("brain"), [1.5, -3, 1.0002555517425873e30, 2 ** -130].map(Math.fround));
  assert.deepEqual(floats("double"), [0.1, -1e-3].map(Math.fround));
  assert.deepEqual([tensors.get("scalar")!.shape, floats("scalar")], [[], [2.5]]);
  assert.deepEqual(tensors.get("empty")!.shape, [0, 3]);
  assert.deepEqual(toNumbers(toTensor(tensors.get("long")!)), [2 ** 40, -1]);
  assert.deepEqual(toNumbers(toTensor(tensors.get("bool")!)), [1, 0]);
  assert.throws(() => toFloat32(tensors.get("long")!), { message: /expected floats, got int64/ });
  assert.throws(() => toTensor(tensors.get("short")!), { message: /element type that networks have, got int16/ });
});

/** A file with this header, JSON or raw text, and zeros as data. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const f32 = (from: number, to: number, shape = [(to - from) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});

const REFUSED: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "nothing": [new Uint8Array(), /expected 8 bytes or more, got 0/],
  "a header longer than the file": [fileOf("{}").fill(9, 0, 1), /its header is cut short/],
  "an absurd header": [new Uint8Array(9).fill(0xff), /a header of at most 100000000 bytes/],
  "no JSON": [fileOf("{a}"), /its header is no JSON/],
  "a list": [fileOf("[]"), /its header is no JSON object/],
  "metadata that are no texts": [fileOf({ __metadata__: { a: 1 } }), /expected texts as metadata/],
  "an entry without offsets": [fileOf({ a: { dtype: "F32", shape: [1] } }, 4), /lacks shape or offsets/],
  "an entry that is null": [fileOf({ a: null }), /is no object/],
  "an unknown element type": [fileOf({ a: { ...f32(0, 4), dtype: "F8_E5M2" } }, 4), /got F8_E5M2/],
  "an inherited element type": [fileOf({ a: { ...f32(0, 4), dtype: "toString" } }, 4), /got toString/],
  "a negative size": [fileOf({ a: f32(0, 4, [-1, -1]) }, 4), /no whole number ≥ 0/],
  "an absurd size": [fileOf({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /product is out of range/],
  "too many axes": [fileOf({ a: f32(0, 4, Array(9).fill(1)) }, 4), /9 axes, more than 8/],
  "offsets of another length": [fileOf({ a: f32(0, 8, [1]) }, 8), /not 4 bytes/],
  "offsets before the data": [fileOf({ a: f32(-4, 0) }, 4), /has offsets \[-4,0\]/],
  "offsets behind the data": [fileOf({ a: f32(0, 400) }, 4), /expected 400 bytes of tensors, got 4/],
  "two tensors on the same bytes": [fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /share the same bytes/],
  "a hole": [fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /there are bytes of no tensor/],
  "bytes behind the last tensor": [fileOf({ a: f32(0, 4) }, 5), /expected 4 bytes of tensors, got 5/],
};
for (const [name, [bytes, message]] of Object.entries(REFUSED)) {
  Deno.test(`decodeSafetensors() refuses ${name}`, () => {
    assert.throws(() => decodeSafetensors(bytes), { name: /^(Syntax|Range)Error$/, message });
  });
}

Deno.test("decodeSafetensors() refuses more tensors and bytes than its limits", () => {
  const file = fileOf({ a: f32(0, 4), b: f32(4, 12) }, 12);
  assert.throws(() => decodeSafetensors(file, { tensors: 1, bytes: 99, rank: 8 }), {
    message: /at most 1 tensors, got 2/,
  });
  assert.throws(() => decodeSafetensors(file, { tensors: 2, bytes: 8, rank: 8 }), { message: /at most 8 bytes/ });
});
