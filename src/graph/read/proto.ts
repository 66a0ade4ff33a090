/** The protobuf messages of a model file, and walks over them. Knows neither operators nor shapes. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
} from "onnx-buf";
import { quoted } from "../../tensor/mod.ts";
import { checkMessage } from "./scan.ts";
import { DAMAGED, type ImportLimits, nodeLabel } from "./raw.ts";

/** @throws {SyntaxError | RangeError} not a whole ONNX file, or a larger one than `limits` allow */
export function parseModel(bytes: Uint8Array, limits: Pick<ImportLimits, "bytes">): ModelProto {
  if (bytes.length > limits.bytes) {
    throw new RangeError(
      `Cannot import model: expected at most ${limits.bytes} bytes, got ${bytes.length}: export ` +
        'half as wide weights ("model.half()"), which are read as float32',
    );
  }
  try {
    checkMessage(bytes, ModelProtoSchema);
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    if (cause instanceof RangeError && cause.message.startsWith("Cannot ")) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(`Cannot import model: expected an ONNX file, got unreadable bytes (${why}): ${DAMAGED}`, {
      cause,
    });
  }
}

/** Reports whether operators of this domain are ONNX's own. */
export function isOnnxDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

export function protoLabel({ opType, name, output }: NodeProto): string {
  return nodeLabel({ op: opType, name, outputs: output });
}

interface FoundTensor {
  readonly proto: TensorProto;
  /** Its name in error messages. */
  readonly what: string;
}

/** Every tensor of a file: initializers and attributes, those of branches and functions included. */
export function* tensorsOf({ graph, functions }: ModelProto): Generator<FoundTensor> {
  if (graph !== undefined) yield* tensorsOfGraph(graph);
  for (const { node } of functions) yield* tensorsOfNodes(node);
}

function* tensorsOfGraph({ initializer, node }: GraphProto): Generator<FoundTensor> {
  for (const proto of initializer) yield { proto, what: `initializer ${quoted(proto.name)}` };
  yield* tensorsOfNodes(node);
}

function* tensorsOfNodes(nodes: readonly NodeProto[]): Generator<FoundTensor> {
  for (const node of nodes) {
    for (const { name, t, tensors, g, graphs } of node.attribute) {
      const what = `attribute ${quoted(name)} of ${protoLabel(node)}`;
      for (const proto of t === undefined ? tensors : [t, ...tensors]) yield { proto, what };
      for (const graph of g === undefined ? graphs : [g, ...graphs]) yield* tensorsOfGraph(graph);
    }
  }
}

/** A shallow copy of a message with other fields. A spread would lose the defaults, which its prototype holds. */
export function withFields<T extends object>(message: T, fields: Partial<T>): T {
  const copy: T = Object.create(Object.getPrototypeOf(message));
  return Object.assign(copy, message, fields);
}

/** The integers of a constant of the graph, if it is one. */
export function integersOf({ initializer, node }: GraphProto, name: string): number[] | undefined {
  const made = node.find((n) => n.opType === "Constant" && n.output[0] === name)?.attribute[0];
  const tensor = made?.t ?? initializer.find((t) => t.name === name);
  if (tensor === undefined) return made?.ints.map(Number);
  if (tensor.dataType !== TensorProto_DataType.INT64) return undefined;
  if (tensor.rawData.length === 0) return tensor.int64Data.map(Number);
  return Array.from(new BigInt64Array(tensor.rawData.slice(0, tensor.rawData.length & ~7).buffer), Number);
}
