import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TensorProto_DataLocation, TensorProto_DataType as Type, type TensorProtoSchema } from "onnx-buf";
import { toNumbers } from "../../tensor/mod.ts";
import { externalFiles, withExternalData } from "./external.ts";
import { importModel } from "./normalize.ts";
import { modelFile, nodeOf, tensorAttr, tensorOf, valueOf } from "./testing/model_file.ts";

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

type Entries = Record<string, string> | [string, string][];

/** A tensor that lies in a file beside the model. */
function outside(
  name: string,
  dims: readonly number[],
  entries: Entries,
  type = Type.FLOAT,
): TensorInit {
  return {
    name,
    dims: dims.map(BigInt),
    dataType: type,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: (Array.isArray(entries) ? entries : Object.entries(entries)).map(([key, value]) => ({ key, value })),
  };
}

/** y = x·a + b + c, its weights as given. */
function file(...initializer: TensorInit[]): Uint8Array {
  return modelFile({
    graph: {
      input: [valueOf("x", [2, 3])],
      output: [valueOf("y", [2, 3])],
      initializer,
      node: [nodeOf("p = Mul(x, a)"), nodeOf("q = Add(p, b)"), nodeOf("y = Add(q, c)")],
    },
  });
}

const A = new Float32Array([1, 2, 3]), B = new Float32Array([4, 5, 6]);
const DATA = new Uint8Array([0, 0, 0, 0, ...new Uint8Array(A.buffer), ...new Uint8Array(B.buffer)]);
const model = file(
  outside("a", [3], { location: "w.onnx.data", offset: "4", length: "12", checksum: "unread" }),
  outside("b", [3], { location: "w.onnx.data", offset: "16" }),
  tensorOf("c", [3], new Float32Array([7, 8, 9])),
);

Deno.test("externalFiles() lists each file beside the model once", () => {
  assert.deepEqual(externalFiles(model), ["w.onnx.data"]);
  const other = file(outside("a", [3], { location: "a.bin" }), outside("b", [3], { location: "b.bin" }));
  assert.deepEqual(externalFiles(other), ["a.bin", "b.bin"]);
  assert.deepEqual(externalFiles(withExternalData(model, new Map([["w.onnx.data", DATA]]))), []);
});

Deno.test("withExternalData() returns one model with the same weights", () => {
  const { constants } = importModel(withExternalData(model, new Map([["w.onnx.data", DATA]])));
  const weights = [...constants].map(([name, t]) => [name, toNumbers(t)]);
  assert.deepEqual(weights, [["a", [1, 2, 3]], ["b", [4, 5, 6]], ["c", [7, 8, 9]]]);
});

Deno.test("withExternalData() reads weights that overlap, of attributes, and views of larger buffers", () => {
  const overlapping = modelFile({
    graph: {
      input: [valueOf("x", [3])],
      output: [valueOf("y", [3])],
      initializer: [
        outside("a", [3], { location: "w", offset: "4" }),
        outside("b", [3], { location: "w", offset: "8" }),
      ],
      node: [
        nodeOf("c = Constant()", tensorAttr("value", outside("", [1], { location: "w" }))),
        nodeOf("p = Mul(x, a)"),
        nodeOf("q = Add(p, b)"),
        nodeOf("y = Mul(q, c)"),
      ],
    },
  });
  const padded = new Uint8Array([9, ...DATA]).subarray(1);
  const { constants } = importModel(withExternalData(overlapping, new Map([["w", padded]])));
  assert.deepEqual(toNumbers(constants.get("a")!), [1, 2, 3]);
  assert.deepEqual(toNumbers(constants.get("b")!), [2, 3, 4]);
  assert.deepEqual(toNumbers(constants.get("c")!), [0]);
});

Deno.test("withExternalData() refuses files that are missing, too short or too large", () => {
  assert.throws(() => withExternalData(model, new Map()), {
    name: "TypeError",
    message: 'Cannot import initializer "a": expected the file "w.onnx.data" with its weights beside the model, got ' +
      "none: give it too",
  });
  assert.throws(() => withExternalData(model, new Map([["w.onnx.data", DATA.subarray(0, 20)]])), {
    name: "RangeError",
    message: 'Cannot import initializer "b": expected bytes 16 to 28 of "w.onnx.data", got a file of 20: give the ' +
      "file of the same export",
  });
  const huge = file(outside("a", [2 ** 29 - 1], { location: "w" }), outside("b", [3], { location: "w" }));
  assert.throws(() => withExternalData(huge, new Map([["w", DATA]])), /expected bytes 0 to 2147483644 of "w"/);
});

const HOSTILE: readonly [Record<string, string>, RegExp][] = [
  [{}, /expected the plain name .*, got ""/],
  [{ location: "/etc/passwd" }, /expected the plain name .*, got "\/etc\/passwd"/],
  [{ location: "../w.data" }, /expected the plain name/],
  [{ location: "weights/w.data" }, /expected the plain name/],
  [{ location: "." }, /expected the plain name/],
  [{ location: "w".repeat(256) }, /expected the plain name/],
  [{ location: "w\n" }, /expected the plain name/],
  [{ location: "w", offset: "1e1" }, /expected a whole number of bytes as offset of external data, got "1e1"/],
  [{ location: "w", offset: "99999999999999999999" }, /as offset/],
  [{ location: "w", length: "13" }, /expected external data of 12 bytes, got a length of 13/],
  [{ location: "w", length: "" }, /expected a whole number of bytes as length of external data, got ""/],
];
for (const [entries, message] of HOSTILE) {
  Deno.test(`externalFiles() refuses ${JSON.stringify(entries).slice(0, 60)}`, () => {
    assert.throws(() => externalFiles(file(outside("a", [3], entries))), message);
  });
}

Deno.test("externalFiles() refuses a tensor with data at two places, and two offsets", () => {
  const both = { ...outside("a", [3], { location: "w" }), rawData: new Uint8Array(12) };
  assert.throws(() => externalFiles(file(both)), /expected its data inside the file or beside it, got both/);
  const twice = outside("a", [3], [["location", "w"], ["offset", "0"], ["offset", "4"]]);
  assert.throws(() => externalFiles(file(twice)), /expected one "offset" of external data, got two/);
  const undecided = { ...outside("a", [3], { location: "w" }), dataLocation: TensorProto_DataLocation.DEFAULT };
  assert.throws(() => externalFiles(file(undecided)), /expected its data inside the file or beside it, got both/);
  assert.throws(() => externalFiles(file(outside("a", [3], { location: "w" }, Type.STRING))), /got string/);
});
