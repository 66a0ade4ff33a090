/** Writes small model files of messages that the compiler's own writer does not write. Only for tests. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProtoSchema,
  type FunctionProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType as Type,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";

type AttrInit = MessageInitShape<typeof AttributeProtoSchema>;
type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type GraphInit = MessageInitShape<typeof GraphProtoSchema>;

/** `"y = Op(a, b)"`, or `"y = domain.Op(a)"`, with attributes. */
export function nodeOf(text: string, ...attribute: AttrInit[]): NodeInit {
  const [outputs, domain, opType, inputs] = /^(.*) = (?:(.+)\.)?(\w+)\((.*)\)$/.exec(text)!.slice(1);
  const list = (names: string) => names === "" ? [] : names.split(",").map((n) => n.trim());
  const output = list(outputs);
  return { opType, domain: domain ?? "", name: `the ${opType}`, input: list(inputs), output, attribute };
}

export const int = (name: string, i: number): AttrInit => ({ name, type: Kind.INT, i: BigInt(i) });
export const ints = (name: string, list: readonly number[]): AttrInit => ({
  name,
  type: Kind.INTS,
  ints: list.map(BigInt),
});
export const float = (name: string, f: number): AttrInit => ({ name, type: Kind.FLOAT, f });
export const graphAttr = (name: string, g: GraphInit): AttrInit => ({ name, type: Kind.GRAPH, g });
export const tensorAttr = (name: string, t: TensorInit): AttrInit => ({ name, type: Kind.TENSOR, t });
/** A reference to an attribute of the function around. */
export const ref = (name: string, refAttrName: string, type: Kind = Kind.FLOAT): AttrInit => ({
  name,
  refAttrName,
  type,
});

/** A tensor of raw bytes. */
export function tensorOf(
  name: string,
  dims: readonly number[],
  data: Float32Array | BigInt64Array | Uint8Array | Int8Array | Int32Array | Float16Array | Uint16Array,
  dataType: Type = Type.FLOAT,
): TensorInit {
  const rawData = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer);
  return { name, dims: dims.map(BigInt), dataType, rawData };
}

/** An input or output; a text is the name of an open dimension. */
export function valueOf(
  name: string,
  dims: readonly (number | string)[],
  elemType: Type = Type.FLOAT,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = dims.map((d) =>
    typeof d === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(d) } }
      : { value: { case: "dimParam" as const, value: d } }
  );
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
}

export interface ModelInit {
  readonly graph: GraphInit;
  readonly opset?: number;
  /** Of domains other than ONNX's. */
  readonly domains?: readonly string[];
  readonly functions?: MessageInitShape<typeof FunctionProtoSchema>[];
}

export function modelFile({ graph, opset = 17, domains = [], functions = [] }: ModelInit): Uint8Array<ArrayBuffer> {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      producerName: "others",
      opsetImport: [{ domain: "", version: BigInt(opset) }, ...domains.map((domain) => ({ domain, version: 1n }))],
      graph: { name: "foreign", ...graph },
      functions,
    }),
  );
}
