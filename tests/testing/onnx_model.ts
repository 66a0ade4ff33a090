/** Writes ONNX files as other software might, of any operator set, for tests of the importer. */
import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema } from "onnx-buf";
import { type DType, type Tensor, tensorBytes, type TensorType } from "../../src/tensor/mod.ts";

const CODES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  bfloat16: 16,
};

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

export interface ForeignModel {
  readonly opset: number;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly ForeignNode[];
  readonly outputs: readonly string[];
}

export function foreignModel({ opset, inputs, constants = {}, nodes, outputs }: ForeignModel): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      graph: {
        name: "foreign",
        input: Object.entries(inputs).map(([name, { dtype, shape }]) => ({
          name,
          type: {
            value: {
              case: "tensorType" as const,
              value: {
                elemType: CODES[dtype],
                shape: { dim: shape.map((d) => ({ value: { case: "dimValue" as const, value: BigInt(d) } })) },
              },
            },
          },
        })),
        output: outputs.map((name) => ({ name })),
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

function tensorFields(t: Tensor) {
  return { dims: t.shape.map(BigInt), dataType: CODES[t.dtype], rawData: tensorBytes(t).slice() };
}

function attributeFields(name: string, value: Attr) {
  if (typeof value === "string") return { type: Kind.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") {
    return FLOATS.has(name) ? { type: Kind.FLOAT, f: value } : { type: Kind.INT, i: BigInt(value) };
  }
  if ("dtype" in value) return { type: Kind.TENSOR, t: tensorFields(value) };
  return FLOATS.has(name) ? { type: Kind.FLOATS, floats: [...value] } : { type: Kind.INTS, ints: value.map(BigInt) };
}
