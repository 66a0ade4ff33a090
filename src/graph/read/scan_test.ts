import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { parseModel } from "./proto.ts";
import { checkMessage, MESSAGE_LIMITS } from "./scan.ts";
import { IMPORT_LIMITS } from "./raw.ts";

/** A field of bytes. */
const field = (number: number, content: Uint8Array): Uint8Array =>
  Uint8Array.from([...varint(number << 3 | 2), ...varint(content.length), ...content]);

const varint = (n: number): number[] => n < 128 ? [n] : [n & 127 | 128, ...varint(Math.floor(n / 128))];

/** A model whose graph is these bytes. */
const withGraph = (graph: Uint8Array) => field(7, graph);

const MODEL = create(ModelProtoSchema, {
  opsetImport: [{ version: 17n }],
  graph: {
    node: [{ opType: "Relu", input: ["x"], output: ["y"], attribute: [{ name: "a", ints: [1n, 2n, 300n] }] }],
    initializer: [{ dims: [2n, 3n], floatData: [1, 2, 3, 4, 5, 6] }],
  },
});

Deno.test("checkMessage() counts messages, numbers and texts as the parser makes them", () => {
  const bytes = toBinary(ModelProtoSchema, MODEL);
  // the model, its operator set, graph, node, attribute, initializer; 2 names, 3 ints, 2 dims, 6 floats
  const exact = { messages: 6, values: 13, depth: 4 };
  checkMessage(bytes, ModelProtoSchema, exact);
  for (const key of ["messages", "values", "depth"] as const) {
    const limits = { ...exact, [key]: exact[key] - 1 };
    const message = new RegExp(`^Cannot import model: expected at most ${limits[key]} `);
    assert.throws(() => checkMessage(bytes, ModelProtoSchema, limits), { name: "RangeError", message });
  }
});

Deno.test("checkMessage() counts lists that are not packed, and no unknown fields", () => {
  // NodeProto.attribute (5) of AttributeProto.ints (8), one number a field; field 99 is unknown
  const attribute = Uint8Array.from([8 << 3, 1, 8 << 3, 2]), unknown = field(99, new Uint8Array(50));
  const bytes = withGraph(field(1, Uint8Array.from([...field(5, attribute), ...unknown])));
  checkMessage(bytes, ModelProtoSchema, { messages: 4, values: 2, depth: 4 });
  assert.throws(() => checkMessage(bytes, ModelProtoSchema, { messages: 4, values: 1, depth: 4 }), /at most 1 numbers/);
});

Deno.test("parseModel() refuses millions of empty messages before it makes one", () => {
  const nodes = new Uint8Array(2 * (MESSAGE_LIMITS.messages + 1));
  for (let i = 0; i < nodes.length; i += 2) nodes[i] = 1 << 3 | 2; // an empty node
  const graph = Uint8Array.from([...varint(7 << 3 | 2), ...varint(nodes.length)]);
  const bytes = new Uint8Array(graph.length + nodes.length);
  bytes.set(graph);
  bytes.set(nodes, graph.length);
  assert.throws(
    () => parseModel(bytes, IMPORT_LIMITS),
    /^RangeError: Cannot import model: expected at most 4000000 messages/,
  );
});

Deno.test("parseModel() refuses messages that lie too deep in each other, and damaged ones", () => {
  let graph: Uint8Array = new Uint8Array();
  // each branch of If: GraphProto.node → attribute → g
  for (let i = 0; i < 40; i++) graph = field(1, field(5, field(6, graph)));
  assert.throws(() => parseModel(withGraph(graph), IMPORT_LIMITS), /at most 100 messages inside each other/);
  const bytes = toBinary(ModelProtoSchema, MODEL);
  for (const damaged of [bytes.subarray(0, -1), Uint8Array.from([7 << 3 | 3]), new Uint8Array(12).fill(255)]) {
    assert.throws(() => parseModel(damaged, IMPORT_LIMITS), /^SyntaxError: Cannot import model: expected an ONNX file/);
  }
});
