/** Writes the IR as an ONNX file: opset 20, IR version 9, standard operators only. `read/` reads files. */
import { clearField, create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import type { AttrValue, Graph, Node } from "../ir/ir.ts";
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { type DType, type Tensor, tensor, tensorBytes, type TensorType } from "../../tensor/mod.ts";

/** The operator set of the IR and of the files. */
export const OPSET = 20;
const IR_VERSION = 9n;
/**
 * The operator set of graphs with bfloat16: the first whose Conv takes it. The IR's other operators equal opset 20's.
 */
const NARROW_OPSET = 22;
const NARROW_IR_VERSION = 10n;
/** Largest file that protobuf allows. */
const MAX_BYTES = 2 ** 31 - 1;

/** Facts that a model file states besides its graph, and how the graph is written. */
interface EncodeOptions {
  readonly producer?: string;
  /** `metadata_props`: free key–value pairs. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Leaves the sizes of volumes open. ONNX Runtime keeps the memory of every tensor whose shape it knows until the last
   * one of that shape is freed; with open sizes it frees each at once, which saves a quarter of a training step's peak.
   */
  readonly openSizes?: boolean;
}

/** Attributes that are floats in ONNX; every other number is an int. */
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set(["alpha", "beta", "epsilon"]);

/**
 * The bytes of an ONNX model. Constants are copied once, straight into the result.
 * @throws {RangeError} the file would exceed 2 GiB
 */
export function encodeModel(
  graph: Graph,
  { producer = "sulcus", metadata = {}, openSizes = false }: EncodeOptions = {},
): Uint8Array {
  const info = (name: string) => (openSizes ? openInfo : valueInfo)(name, graph.types.get(name)!);
  const parts = {
    input: graph.inputs.map(info),
    output: graph.outputs.map((name) => valueInfo(name, graph.types.get(name)!)),
    node: graph.nodes.map(nodeProto),
  };
  const head = { producer, metadata };
  return openSizes ? modelOf(...withOpenTargets(graph, parts, head)) : modelOf(graph, head, parts);
}

/**
 * Makes the target shapes of Reshape and Expand parts of one input with a default, so that ONNX Runtime infers no sizes
 * from them. Their lengths are an input, too: it does not compare values of unknown rank with every freed one, which
 * took 26 s for 16,500 nodes.
 */
function withOpenTargets(graph: Graph, parts: ModelParts, head: ModelHead): Parameters<typeof modelOf> {
  const { nodes, constants } = graph;
  const given = nodes.flatMap(({ op, inputs }) => (op === "Reshape" || op === "Expand" ? inputs.slice(1) : []));
  const targets = [...new Set(given)].filter((name) => constants.has(name));
  if (targets.length === 0) return [graph, head, parts];
  const shapes = targets.map((name) => [...constants.get(name)!.data].map(Number));
  const all = {
    "open/shapes": tensor("int64", [shapes.flat().length], shapes.flat()),
    "open/lengths": tensor("int64", [shapes.length], shapes.map((s) => s.length)),
  };
  const names = Object.keys(all), rest = [...constants].filter(([name]) => !targets.includes(name));
  return [{ ...graph, constants: new Map([...rest, ...Object.entries(all)]) }, head, {
    ...parts,
    input: [...parts.input, ...Object.entries(all).map(([name, type]) => valueInfo(name, type))],
    node: [{ name: "open", opType: "Split", input: names, output: targets }, ...parts.node],
  }];
}

/** Names of the inputs and outputs of a model that runs a graph many times in one call. */
interface LoopNames {
  /** The number of iterations, int64. */
  readonly count: "count";
  /** State inputs: the values from which the first iteration starts. */
  start(input: string): string;
  /** State outputs: the values after the last iteration. */
  end(output: string): string;
  /** All other inputs and outputs: one entry an iteration, stacked along a new first axis. */
  each(name: string): string;
}

export const LOOP_NAMES: LoopNames = {
  count: "count",
  start: (input) => `start/${input}`,
  end: (output) => `end/${output}`,
  each: (name) => `each/${name}`,
};

/**
 * The bytes of a model that runs `graph` many times, as one ONNX Loop, for devices to which every run copies its
 * inputs. `state`, input name → output name, stays on the device from iteration to iteration. {@link LOOP_NAMES} names
 * the inputs and outputs.
 */
export function encodeLoop(graph: Graph, state: ReadonlyMap<string, string>): Uint8Array {
  const { count, start, end, each } = LOOP_NAMES;
  const typed = (name: string, of: string) => valueInfo(name, graph.types.get(of)!);
  const scalar = (name: string, dtype: DType) => valueInfo(name, { dtype, shape: [] });
  const fed = graph.inputs.filter((name) => !state.has(name));
  const kept = new Set(state.values()), told = graph.outputs.filter((name) => !kept.has(name));
  const stacked = (name: string) => stackInfo(each(name), graph.types.get(name)!);
  const body = create(GraphProtoSchema, {
    name: graph.name,
    input: [
      scalar("loop/iteration", "int64"),
      scalar("loop/going", "bool"),
      ...[...state.keys()].map((name) => typed(name, name)),
    ],
    output: [
      scalar("loop/goes-on", "bool"),
      ...[...state.values(), ...told].map((name) => typed(`loop/${name}`, name)),
    ],
    node: [
      protoNode("Identity", ["loop/going"], "loop/goes-on"),
      ...fed.map((name) => protoNode("Gather", [each(name), "loop/iteration"], name)),
      ...graph.nodes.map(nodeProto),
      // no output of a body may be an input or the same value as another output
      ...[...state.values(), ...told].map((name) => protoNode("Identity", [name], `loop/${name}`)),
    ],
  });
  const outputs = [...[...state.values()].map(end), ...told.map(each)];
  return modelOf(graph, { producer: "sulcus", metadata: {} }, {
    input: [
      scalar(count, "int64"),
      ...[...state.keys()].map((name) => typed(start(name), name)),
      ...fed.map(stacked),
    ],
    output: [...[...state.values()].map((name) => typed(end(name), name)), ...told.map(stacked)],
    node: [{
      name: "loop",
      opType: "Loop",
      input: [count, "", ...[...state.keys()].map(start)],
      output: outputs,
      attribute: [{ name: "body", type: Kind.GRAPH, g: body }],
    }],
  });
}

const protoNode = (opType: string, input: readonly string[], output: string) => ({
  name: output,
  opType,
  input: [...input],
  output: [output],
});

/** The type of a stack of values. */
function stackInfo(name: string, { dtype, shape }: TensorType): MessageInitShape<typeof ValueInfoProtoSchema> {
  const sizes = shape.map((d) => ({ value: { case: "dimValue" as const, value: BigInt(d) } }));
  const dim = [{ value: { case: "dimParam" as const, value: "iterations" } }, ...sizes];
  return { name, type: { value: { case: "tensorType", value: { elemType: ONNX_DTYPES[dtype], shape: { dim } } } } };
}

type ModelHead = Required<Pick<EncodeOptions, "producer" | "metadata">>;
type ModelParts = {
  readonly input: MessageInitShape<typeof ValueInfoProtoSchema>[];
  readonly output: MessageInitShape<typeof ValueInfoProtoSchema>[];
  readonly node: MessageInitShape<typeof NodeProtoSchema>[];
};

/** The bytes of a model with the parts of a graph; constants are copied once. */
function modelOf({ name, types, constants }: Graph, { producer, metadata }: ModelHead, parts: ModelParts): Uint8Array {
  const narrow = types.values().some(({ dtype }) => dtype === "bfloat16");
  const head = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: narrow ? NARROW_IR_VERSION : IR_VERSION,
      opsetImport: [{ domain: "", version: BigInt(narrow ? NARROW_OPSET : OPSET) }],
      producerName: producer,
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    }),
  );
  const body = toBinary(GraphProtoSchema, create(GraphProtoSchema, { name, ...parts }));
  return joined(head, [body, ...[...constants].flatMap(([key, t]) => initializerParts(key, t))]);
}

/**
 * The bytes of a model from those of its fields without the graph, of the graph without initializers, and initializers,
 * whose raw data is taken out of them and copied once.
 * @throws {RangeError} the file would exceed 2 GiB
 */
export function joinModel(
  head: Uint8Array,
  graph: Uint8Array,
  initializers: readonly TensorProto[],
): Uint8Array<ArrayBuffer> {
  const parts = initializers.flatMap((proto) => {
    const { rawData } = proto;
    clearField(proto, TensorProtoSchema.field.rawData);
    return delimitedTensor(proto, rawData);
  });
  return joined(head, [graph, ...parts]);
}

function joined(head: Uint8Array, graph: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat([head, ...delimited(FIELD.graph, graph), ...graph]);
}

/** Field numbers of onnx.proto for the fields written by hand, so that a weight is copied only once. */
const FIELD = { graph: 7, initializer: 5, rawData: 9 } as const;

/** Tag and length of a length-delimited protobuf field of this content. */
function delimited(field: number, content: readonly Uint8Array[]): Uint8Array[] {
  const head = [field << 3 | 2];
  for (let n = content.reduce((sum, part) => sum + part.length, 0); n >= 0; n = n < 128 ? -1 : Math.floor(n / 128)) {
    head.push(n < 128 ? n : n % 128 | 128);
  }
  return [Uint8Array.from(head)];
}

function initializerParts(name: string, t: Tensor): Uint8Array[] {
  const proto = create(TensorProtoSchema, { name, dims: t.shape.map(BigInt), dataType: ONNX_DTYPES[t.dtype] });
  return delimitedTensor(proto, tensorBytes(t));
}

/** An initializer with raw data, if there is any: other tensors list theirs. */
function delimitedTensor(proto: TensorProto, data: Uint8Array): Uint8Array[] {
  const head = toBinary(TensorProtoSchema, proto);
  const content = [head, ...(data.length > 0 ? [...delimited(FIELD.rawData, [data]), data] : [])];
  return [...delimited(FIELD.initializer, content), ...content];
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > MAX_BYTES) throw new RangeError(`Cannot encode model: expected at most ${MAX_BYTES} bytes, got ${size}`);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function valueInfo(name: string, { dtype, shape }: TensorType): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((d) => ({ value: { case: "dimValue" as const, value: BigInt(d) } }));
  return { name, type: { value: { case: "tensorType", value: { elemType: ONNX_DTYPES[dtype], shape: { dim } } } } };
}

/** The type of an input whose sizes beyond batch and channels stay open. */
function openInfo(name: string, { dtype, shape }: TensorType): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((d, k) => (k < 2 ? { value: { case: "dimValue" as const, value: BigInt(d) } } : {}));
  return { name, type: { value: { case: "tensorType", value: { elemType: ONNX_DTYPES[dtype], shape: { dim } } } } };
}

/** A node of the IR as one of a file. */
export function nodeProto({ op, inputs, output, attrs }: Node): MessageInitShape<typeof NodeProtoSchema> {
  return {
    name: output,
    opType: op,
    input: [...inputs],
    output: [output],
    attribute: Object.entries(attrs).map(([name, value]) => attributeProto(name, value)),
  };
}

function attributeProto(name: string, value: AttrValue): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "string") return { name, type: Kind.STRING, s: new TextEncoder().encode(value) };
  if (typeof value !== "number") return { name, type: Kind.INTS, ints: value.map(BigInt) };
  return FLOAT_ATTRIBUTES.has(name) ? { name, type: Kind.FLOAT, f: value } : { name, type: Kind.INT, i: BigInt(value) };
}
