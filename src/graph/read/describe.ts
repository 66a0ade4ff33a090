/** A description of a model file without its shapes fixed: for those who choose how it is imported. */
import type { GraphProto, NodeProto, ValueInfoProto } from "onnx-buf";
import { sizeOf } from "../../tensor/mod.ts";
import { inputsOf, openModel } from "./decode.ts";
import { type Layout, recognisedLayout } from "./layout.ts";
import { integersOf, parseModel, tensorsOf } from "./proto.ts";
import { IMPORT_LIMITS } from "./raw.ts";
import { isWidened, typeName } from "./tensors.ts";

/** An input or output as the file states it; "?" where it states no size, null where it states no shape. */
export interface DescribedValue {
  readonly name: string;
  /** ONNX's name of the element type, in lower case. */
  readonly dtype: string;
  readonly dims: readonly (number | string)[] | null;
}

/** The last operation of an output that is not a change of shape. */
export type FinalActivation = "sigmoid" | "softmax" | "argmax" | "none";

export interface ModelDescription {
  readonly producer: string;
  readonly opset: number;
  /** Number of elements of its float weights. */
  readonly parameters: number;
  readonly inputs: readonly DescribedValue[];
  readonly outputs: readonly DescribedValue[];
  /** Names of the weights, inputs and outputs whose element type is kept in a wider one. */
  readonly widened: readonly string[];
  /** Where the channels of volumes stand; null: the file does not show it. */
  readonly layout: Layout | null;
  readonly finalActivation: readonly { readonly output: string; readonly kind: FinalActivation }[];
}

const FLOATS = /float|bfloat|double/;

/**
 * Describes a model, whose weights may lie beside it, without its weights being read.
 * @throws {SyntaxError | TypeError | RangeError} the file is no ONNX model or out of bounds
 */
export function describeModel(bytes: Uint8Array): ModelDescription {
  const model = parseModel(bytes, IMPORT_LIMITS);
  const { inlined: { graph }, opset } = openModel(model, IMPORT_LIMITS);
  const tensors = [...tensorsOf(model)].map(({ proto }) => proto);
  const inputs = inputsOf(graph), values = [...inputs, ...graph.output];
  const widenedValues = values.filter((v) => isWidened(elementType(v) ?? 0)).map((v) => v.name);
  const dequantized = new Set(graph.node.filter((n) => n.opType === "DequantizeLinear").map((n) => n.input[0]));
  const widenedWeights = tensors
    .filter((t) => t.name !== "" && (isWidened(t.dataType) || dequantized.has(t.name))).map((t) => t.name);
  const weights = tensors.filter(({ dataType }) => FLOATS.test(typeName(dataType)));
  return {
    producer: model.producerName,
    opset,
    parameters: weights.reduce((sum, { dims }) => sum + sizeOf(dims.map(Number)), 0),
    inputs: inputs.map(described),
    outputs: graph.output.map(described),
    widened: [...new Set([...widenedValues, ...widenedWeights])],
    layout: recognisedLayout(graph),
    finalActivation: graph.output.map(({ name }) => ({ output: name, kind: finalActivation(graph, name) })),
  };
}

function elementType({ type }: ValueInfoProto): number | undefined {
  return type?.value.case === "tensorType" ? type.value.value.elemType : undefined;
}

function described(info: ValueInfoProto): DescribedValue {
  const code = elementType(info);
  const shape = info.type?.value.case === "tensorType" ? info.type.value.value.shape : undefined;
  const dims = shape?.dim.map(({ value }) => {
    if (value.case === "dimParam" && value.value !== "") return value.value;
    return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : "?";
  });
  return { name: info.name, dtype: code === undefined ? "unknown" : typeName(code), dims: dims ?? null };
}

/** Operators that keep what the values mean. */
const CARRIERS = new Set(
  ("Identity Cast Clip Reshape Squeeze Unsqueeze Flatten Transpose Slice Split Gather Dropout DequantizeLinear Round " +
    "QuantizeLinear Resize Pad").split(" "),
);

/** Operators after which values are from 0 to 1 for each channel apart. */
const BOUNDED = new Set("Sigmoid HardSigmoid Greater GreaterOrEqual Less LessOrEqual".split(" "));

/** Walks from an output back to the operator that made its values. */
function finalActivation(graph: GraphProto, output: string): FinalActivation {
  const producers = new Map<string, NodeProto>(graph.node.flatMap((n) => n.output.map((o) => [o, n] as const)));
  let node = producers.get(output), cut = false;
  for (let i = 0; node !== undefined && i < graph.node.length; i++) {
    const source = producers.get(node.input[0] ?? "");
    if (!CARRIERS.has(node.opType)) {
      const kind = kindOf(node, source);
      // of the softmax some channels are left: probabilities of their own, without the background
      return cut && kind === "softmax" ? "sigmoid" : kind;
    }
    cut ||= cutsChannels(node, graph);
    node = source;
  }
  return "none";
}

function kindOf({ opType }: NodeProto, source: NodeProto | undefined): FinalActivation {
  if (BOUNDED.has(opType)) return "sigmoid";
  if (opType === "Softmax" || (opType === "Exp" && source?.opType === "LogSoftmax")) return "softmax";
  return opType === "ArgMax" || opType === "ArgMin" ? "argmax" : "none";
}

/** Axes at which channels stand. */
const CHANNEL_AXES = new Set([1, -1, 4, -4]);

/** Reports whether a node keeps some channels only. */
function cutsChannels({ opType, input, attribute }: NodeProto, graph: GraphProto): boolean {
  const attr = (name: string) => attribute.find((a) => a.name === name);
  if (opType === "Gather" || opType === "Split") return CHANNEL_AXES.has(Number(attr("axis")?.i ?? 0n));
  if (opType !== "Slice") return false;
  const axes = attr("axes")?.ints.map(Number) ?? integersOf(graph, input[3] ?? "");
  return axes?.some((axis) => CHANNEL_AXES.has(axis)) ?? false;
}
