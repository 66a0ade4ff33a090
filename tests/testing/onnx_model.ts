/**
 * Writes ONNX files as other software might, for tests: of any operator set, with operators, open dimensions and types
 * that the compiler's own writer does not have. Nothing is checked or inferred.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema } from "onnx-buf";
import { ONNX_DTYPES } from "../../src/graph/mod.ts";
import { type Tensor, tensorBytes, type TensorType } from "../../src/tensor/mod.ts";

/** Attributes whose numbers are floats. */
const FLOATS: ReadonlySet<string> = new Set(
  "alpha beta gamma epsilon bias lambd value min max scale ratio value_float value_floats scales momentum".split(" "),
);

export type Attr = number | string | readonly number[] | Tensor;

export interface ForeignNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly attrs?: Readonly<Record<string, Attr>>;
}

type Types = Readonly<Record<string, TensorType>>;

/** A model; a dimension of -1 is written as a symbol. */
export interface ForeignModel {
  readonly opset?: number;
  readonly inputs: Types;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly ForeignNode[];
  /** With their types, or their names alone. */
  readonly outputs: Types | readonly string[];
}

export function foreignModel({ opset = 17, inputs, constants = {}, nodes, outputs }: ForeignModel): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      graph: {
        name: "foreign",
        input: typed(inputs),
        output: isNames(outputs) ? outputs.map((name) => ({ name })) : typed(outputs),
        initializer: Object.entries(constants).map(([name, t]) => ({ name, ...tensorFields(t) })),
        node: nodes.map(({ op, inputs, outputs, name = "", attrs = {} }) => ({
          opType: op,
          name,
          input: [...inputs],
          output: [...outputs],
          attribute: Object.entries(attrs).map(([key, value]) => ({ name: key, ...attributeFields(key, value) })),
        })),
      },
    }),
  );
}

const isNames = (outputs: ForeignModel["outputs"]): outputs is readonly string[] => Array.isArray(outputs);

function typed(types: Types) {
  return Object.entries(types).map(([name, { dtype, shape }]) => ({
    name,
    type: {
      value: {
        case: "tensorType" as const,
        value: { elemType: ONNX_DTYPES[dtype], shape: { dim: shape.map((d, i) => dimension(d, `${name}_${i}`)) } },
      },
    },
  }));
}

function dimension(size: number, symbol: string) {
  return size < 0
    ? { value: { case: "dimParam" as const, value: symbol } }
    : { value: { case: "dimValue" as const, value: BigInt(size) } };
}

function tensorFields(t: Tensor) {
  return { dims: t.shape.map(BigInt), dataType: ONNX_DTYPES[t.dtype], rawData: tensorBytes(t).slice() };
}

function attributeFields(name: string, value: Attr) {
  if (typeof value === "string") return { type: Kind.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") {
    return FLOATS.has(name) ? { type: Kind.FLOAT, f: value } : { type: Kind.INT, i: BigInt(value) };
  }
  if ("dtype" in value) return { type: Kind.TENSOR, t: tensorFields(value) };
  return FLOATS.has(name) ? { type: Kind.FLOATS, floats: [...value] } : { type: Kind.INTS, ints: value.map(BigInt) };
}
