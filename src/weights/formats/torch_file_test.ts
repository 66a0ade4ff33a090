import assert from "node:assert/strict";
import { toNumbers } from "../../tensor/mod.ts";
import {
  type Code,
  dict,
  EMPTY_DICT,
  EMPTY_TUPLE,
  global,
  int,
  list,
  NONE,
  persistent,
  pickleOf,
  reduce,
  tensorCode,
  text,
  tuple,
} from "../testing/pickle.ts";
import { toFloat32 } from "../../tensor/stored.ts";
import { type Archive, readTorchFile } from "./torch_file.ts";

/** An archive in memory; lists the files that were read. */
function archiveOf(files: Readonly<Record<string, Uint8Array>>): Archive & { readonly reads: string[] } {
  const reads: string[] = [];
  return {
    entries: new Map(Object.entries(files).map(([name, { length }]) => [name, length])),
    read: (name) => {
      reads.push(name);
      return Promise.resolve(files[name]);
    },
    reads,
  };
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const row = floats(...Array.from({ length: 24 }, (_, i) => i));

const fileOf = (root: Code, others: Readonly<Record<string, Uint8Array>> = { "x/data/0": row }) =>
  archiveOf({ "x/data.pkl": pickleOf(root), ...others });

const one = async (root: Code) =>
  toNumbers(toFloat32((await readTorchFile(fileOf(dict([text("a"), root])))).tensors.get("a")!));

Deno.test("readTorchFile() reads views with strides and offsets in C order", async () => {
  assert.deepEqual(await one(tensorCode({ shape: [3], offset: 5, count: 24 })), [5, 6, 7]);
  // torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1)
  const permuted = await one(tensorCode({ shape: [4, 2, 3], strides: [1, 12, 4] }));
  assert.deepEqual(permuted, [0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23]);
  assert.deepEqual(await one(tensorCode({ shape: [2, 1, 2], strides: [12, 99, 2], offset: 1, count: 24 })), [
    1,
    3,
    13,
    15,
  ]);
  assert.deepEqual(await one(tensorCode({ shape: [], offset: 23, count: 24 })), [23]);
  assert.deepEqual(await one(tensorCode({ shape: [0, 5], count: 24 })), []);
});

Deno.test("readTorchFile() takes the entry state_dict and reads neither optimizer nor a storage twice", async () => {
  const shared = (offset: number) => tensorCode({ shape: [2], offset, count: 24 });
  const archive = fileOf(
    dict(
      [text("state_dict"), dict([text("b"), shared(2)], [text("a"), shared(0)])],
      [text("optimizer"), dict([int(0), tensorCode({ shape: [2], key: "1" })])],
    ),
    { "x/data/0": row, "x/data/1": floats(1, 2), "x/byteorder": new TextEncoder().encode("little") },
  );
  const { tensors } = await readTorchFile(archive);
  assert.deepEqual([...tensors.keys()], ["b", "a"]);
  assert.deepEqual(archive.reads, ["x/byteorder", "x/data.pkl", "x/data/0"]);
});

const at = (root: Code) => dict([text("state_dict"), dict([text("a"), root])]);
const storage = (...parts: Code[]) => persistent(tuple(text("storage"), ...parts));
const FLOAT = global("torch", "FloatStorage");
const rebuild = (...args: Code[]) => reduce(global("torch._utils", "_rebuild_tensor_v2"), ...args);

const REFUSED: Readonly<Record<string, readonly [Archive, RegExp]>> = {
  "a call of os.system": [fileOf(reduce(global("posix", "system"), text("id"))), /it asks for "posix\.system"/],
  "a call in the optimizer": [
    fileOf(dict([text("state_dict"), EMPTY_DICT], [text("optimizer"), reduce(global("os", "system"), text("id"))])),
    /it asks for "os\.system", which is none of the names that tensors need/,
  ],
  "a whole pickled module": [fileOf(global("models.Uniformer", "SSLEncoder")), /"models\.Uniformer\.SSLEncoder"/],
  "no pickle": [archiveOf({ "x/data/0": row }), /expected one data\.pkl in its zip, got 0/],
  "two pickles": [archiveOf({ "x/data.pkl": row, "y/data.pkl": row }), /expected one data\.pkl in its zip, got 2/],
  "an absurd pickle": [
    { entries: new Map([["x/data.pkl", 2 ** 31]]), read: () => Promise.reject(new Error("it was read")) },
    /expected a data\.pkl of at most 67108864 bytes, got 2147483648/,
  ],
  "TorchScript": [fileOf(EMPTY_DICT, { "x/code/__torch__.py": row }), /TorchScript program: save its state_dict/],
  "big-endian numbers": [fileOf(EMPTY_DICT, { "x/byteorder": new TextEncoder().encode("big") }), /got "big"/],
  "a list of tensors": [fileOf(list(tensorCode({ shape: [1], count: 24 }))), /expected a dict of tensors/],
  "something else than tensors": [fileOf(dict([text("lr"), int(3)])), /got something else under "lr"/],
  "a state_dict that is none": [fileOf(dict([text("state_dict"), int(3)])), /its state_dict is no dict/],
  "a key that is no text": [fileOf(dict([int(3), tensorCode({ shape: [24] })])), /a key .* is no text/],
  "a storage that is missing": [fileOf(at(tensorCode({ shape: [1], key: "9" }))), /its storage "9" is missing/],
  "a storage outside its folder": [
    fileOf(at(tensorCode({ shape: [1], key: "../data.pkl" }))),
    /"\.\.\/data\.pkl" is mis/,
  ],
  "a storage shorter than it claims": [fileOf(at(tensorCode({ shape: [25] }))), /expected 100 bytes in storage "0"/],
  "a storage longer than it claims": [fileOf(at(tensorCode({ shape: [1] }))), /expected 4 bytes .*got 96/],
  "an absurd storage": [fileOf(at(rebuild(storage(FLOAT, text("0"), text("cpu"), int(-1))))), /that is no storage/],
  "another persistent id": [fileOf(at(persistent(tuple(text("module"), FLOAT)))), /that is no storage/],
  "a storage of another class": [
    fileOf(at(storage(global("torch", "Size"), text("0"), text("cpu"), int(24)))),
    /Size is no storage/,
  ],
  "a view past its storage": [fileOf(at(tensorCode({ shape: [2], offset: 23, count: 24 }))), /ends at element 25/],
  "strides past its storage": [
    fileOf(at(tensorCode({ shape: [3, 2], strides: [12, 1], count: 24 }))),
    /a tensor of shape \[3,2\] ends at element 26 of a storage with 24/,
  ],
  "strides that repeat": [
    fileOf(at(tensorCode({ shape: [1000, 1000], strides: [0, 0], count: 24 }))),
    /a tensor of shape \[1000,1000\] repeats the 24 elements/,
  ],
  "negative strides": [fileOf(at(tensorCode({ shape: [2], strides: [-1], count: 24 }))), /strides or offset/],
  "negative sizes": [fileOf(at(tensorCode({ shape: [-2, -2], count: 24 }))), /no whole number ≥ 0/],
  "absurd sizes": [fileOf(at(tensorCode({ shape: Array(5).fill(2 ** 30), count: 24 }))), /product is out of range/],
  "too few strides": [fileOf(at(tensorCode({ shape: [2, 3], strides: [3], count: 24 }))), /strides or offset/],
  "a size that is a text": [
    fileOf(at(rebuild(storage(FLOAT, text("0"), text("cpu"), int(24)), int(0), tuple(text("3")), tuple(int(1))))),
    /no whole number ≥ 0/,
  ],
  "a tensor without storage": [fileOf(at(rebuild(NONE, int(0), EMPTY_TUPLE, EMPTY_TUPLE))), /a tensor has no storage/],
  "a tensor without sizes": [fileOf(at(rebuild(storage(FLOAT, text("0"), NONE, int(24))))), /no size or strides/],
};
for (const [name, [archive, message]] of Object.entries(REFUSED)) {
  Deno.test(`readTorchFile() refuses ${name}`, async () => {
    await assert.rejects(readTorchFile(archive), { message });
  });
}

Deno.test("readTorchFile() refuses more tensors and bytes than its limits, counting shared bytes each time", async () => {
  const twice = dict(...["a", "b"].map((k): [Code, Code] => [text(k), tensorCode({ shape: [24] })]));
  const limits = { tensors: 9, bytes: 100, rank: 8 };
  await assert.rejects(readTorchFile(fileOf(twice), limits), { message: /at most 100 bytes of tensors, got 192/ });
  await assert.rejects(readTorchFile(fileOf(twice), { ...limits, tensors: 1 }), { message: /at most 1 tensors/ });
  const view = dict([text("a"), tensorCode({ shape: [1], count: 24 })]);
  await assert.rejects(readTorchFile(fileOf(view), { ...limits, bytes: 90 }), {
    message: /90 bytes of storages, got 96/,
  });
});
