/**
 * Writes small ONNX models for the engine's self-test and for its tests.
 * Not the graph compiler's codec: no checks, no shape inference, just the protobuf.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import { type DType, type Tensor, tensorBytes, type TensorType } from "../tensor/mod.ts";

const ONNX_TYPES: Readonly<Record<DType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** One node: operator, input names, output names, integer or integer-list attributes. */
export interface ModelNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A graph as plain data; a dimension of -1 is written as a symbolic one. */
export interface ModelSource {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly ModelNode[];
}

/** The bytes of an ONNX model (opset 17, IR 8). */
export function modelBytes(source: ModelSource): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: {
        name: "graph",
        input: values(source.inputs),
        output: values(source.outputs),
        initializer: Object.entries(source.constants ?? {}).map(([name, t]) => constant(name, t)),
        node: source.nodes.map(node),
      },
    }),
  );
}

function values(types: Readonly<Record<string, TensorType>>): MessageInitShape<typeof ValueInfoProtoSchema>[] {
  return Object.entries(types).map(([name, { dtype, shape }]) => ({
    name,
    type: {
      value: {
        case: "tensorType",
        value: { elemType: ONNX_TYPES[dtype], shape: { dim: shape.map((d, i) => dimension(d, `${name}_${i}`)) } },
      },
    },
  }));
}

function dimension(size: number, symbol: string) {
  return size < 0
    ? { value: { case: "dimParam" as const, value: symbol } }
    : { value: { case: "dimValue" as const, value: BigInt(size) } };
}

function constant(name: string, t: Tensor): MessageInitShape<typeof TensorProtoSchema> {
  return { name, dataType: ONNX_TYPES[t.dtype], dims: t.shape.map(BigInt), rawData: tensorBytes(t).slice() };
}

function node({ op, inputs, outputs, attributes = {} }: ModelNode): MessageInitShape<typeof NodeProtoSchema> {
  return {
    opType: op,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]): MessageInitShape<typeof AttributeProtoSchema> =>
      typeof value === "number"
        ? { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) }
        : { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }
    ),
  };
}
