/**
 * Reads an ONNX file into plain data and refuses files that Sulcus does not take: this file and `normalize.ts` check
 * all that reaches ONNX Runtime. It knows the file format, not the operators.
 */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  type ValueInfoProto,
} from "onnx-buf";
import { dtypeOfOnnx } from "../ir/dtypes.ts";
import {
  bytesOf,
  type DType,
  quoted,
  sizeOf,
  type Tensor,
  tensor,
  tensorFromBytes,
  type TensorType,
} from "../../tensor/mod.ts";

/** An attribute: a number, a text, a list of either, or a tensor. */
export type RawAttr = number | string | readonly number[] | readonly string[] | Tensor;

/** A node of the file. An absent optional input or output is the empty string. */
export interface RawNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, RawAttr>;
}

/** A graph input; a dimension is a size, a symbol, or "?" where the file states neither. */
export interface RawInput {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string)[];
}

/** An ONNX model as plain data: one graph, its nodes in execution order, every name defined before it is used. */
export interface RawModel {
  readonly name: string;
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Inputs that are not initializers. */
  readonly inputs: readonly RawInput[];
  readonly outputs: readonly string[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly RawNode[];
}

/** Bounds of the models that are read. */
export interface ImportLimits {
  /** Of the file; protobuf ends at 2 GiB. */
  readonly bytes: number;
  readonly nodes: number;
  /** Of any one tensor, constant or computed. */
  readonly elements: number;
  readonly rank: number;
}

export const IMPORT_LIMITS: ImportLimits = { bytes: 2 ** 31 - 1, nodes: 100_000, elements: 2 ** 31, rank: 12 };

/** Most inputs or outputs of one node. */
const MAX_OPERANDS = 4096;

/** The operator sets that `normalize.ts` reads. */
export const OPSETS = { first: 9, last: 23 } as const;

/**
 * Reads and checks a model. Large initializers are views of `bytes` where their alignment allows.
 * @throws {SyntaxError} not a whole ONNX file
 * @throws {TypeError} external data, another domain than ONNX's, local functions, control flow, string, sparse or
 *   otherwise unknown element types
 * @throws {RangeError} the operator set, a size or a name is out of bounds
 */
export function decodeModel(bytes: Uint8Array, limits: ImportLimits = IMPORT_LIMITS): RawModel {
  if (bytes.length > limits.bytes) {
    throw new RangeError(`Cannot import model: expected at most ${limits.bytes} bytes, got ${bytes.length}`);
  }
  const model = parse(bytes);
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0) {
    throw new SyntaxError("Cannot import model: expected a graph with nodes, got none");
  }
  const opset = opsetOf(model);
  refuseWhole(model, graph, limits);
  const constants = new Map<string, Tensor>();
  for (const proto of graph.initializer) {
    if (constants.has(proto.name)) throw duplicate(proto.name);
    constants.set(proto.name, tensorOf(proto, { what: `initializer ${quoted(proto.name)}`, limits }));
  }
  const raw: RawModel = {
    name: graph.name || "graph",
    opset,
    producer: model.producerName,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    inputs: graph.input.filter((i) => !constants.has(i.name)).map((i) => inputOf(i, limits)),
    outputs: graph.output.map((o) => o.name),
    constants,
    nodes: graph.node.map((n) => nodeOf(n, limits)),
  };
  checkNames(raw);
  return raw;
}

/** The name of a node in error messages. */
export function nodeLabel({ op, name, outputs }: RawNode): string {
  return `node ${quoted(name || outputs.find((o) => o !== "") || "")} (${op})`;
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(`Cannot import model: expected an ONNX file, got unreadable bytes (${why})`, { cause });
  }
}

function opsetOf(model: ModelProto): number {
  const entry = model.opsetImport.find(({ domain }) => isOnnxDomain(domain));
  const version = Number(entry?.version ?? 0);
  if (version < OPSETS.first || version > OPSETS.last) {
    throw new RangeError(
      `Cannot import model: expected ONNX operator set ${OPSETS.first} to ${OPSETS.last}, got ${
        entry ? version : "none"
      }`,
    );
  }
  return version;
}

function isOnnxDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

function refuseWhole(model: ModelProto, graph: GraphProto, limits: ImportLimits): void {
  if (model.functions.length > 0) {
    const { domain, name } = model.functions[0];
    throw new TypeError(`Cannot import model: expected no local functions, got ${quoted(`${domain}.${name}`)}`);
  }
  if (model.trainingInfo.length > 0) throw new TypeError("Cannot import model: expected no training information");
  if (graph.sparseInitializer.length > 0) {
    const name = graph.sparseInitializer[0].values?.name ?? "";
    throw new TypeError(`Cannot import initializer ${quoted(name)}: expected a dense tensor, got a sparse one`);
  }
  if (graph.node.length > limits.nodes) {
    throw new RangeError(`Cannot import model: expected at most ${limits.nodes} nodes, got ${graph.node.length}`);
  }
  if (graph.output.length === 0) throw new SyntaxError("Cannot import model: expected an output, got none");
}

function duplicate(name: string): RangeError {
  return new RangeError(`Cannot import model: expected unique names, got ${quoted(name)} twice`);
}

/** Every value has one definition and is used after it. */
function checkNames({ inputs, outputs, constants, nodes }: RawModel): void {
  const defined = new Set(constants.keys());
  const define = (name: string) => {
    if (defined.has(name)) throw duplicate(name);
    defined.add(name);
  };
  inputs.forEach((i) => define(i.name));
  const sources = new Set(defined);
  const later = new Set(nodes.flatMap((n) => n.outputs));
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name === "" || defined.has(name)) continue;
      const found = later.has(name) ? "one that it or a later node defines" : "one that nothing defines";
      throw new RangeError(
        `Cannot import ${nodeLabel(node)}: expected inputs defined before it, got ${quoted(name)}, ${found}`,
      );
    }
    node.outputs.filter((o) => o !== "").forEach(define);
  }
  if (new Set(outputs).size !== outputs.length) throw duplicate(outputs.find((o, i) => outputs.indexOf(o) !== i)!);
  for (const name of outputs) {
    if (!defined.has(name)) throw new RangeError(`Cannot import model: output ${quoted(name)} is not defined`);
    if (sources.has(name)) throw new RangeError(`Cannot import model: output ${quoted(name)} is no node's output`);
  }
}

/** @throws {RangeError} a tensor of this shape would be too large */
export function checkShape(shape: readonly number[], what: string, limits: ImportLimits): void {
  if (shape.length > limits.rank) {
    throw new RangeError(`Cannot import ${what}: expected at most ${limits.rank} axes, got ${shape.length}`);
  }
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw new RangeError(`Cannot import ${what}: expected sizes from 0, got [${shape}]`);
  }
  if (sizeOf(shape) > limits.elements) {
    throw new RangeError(`Cannot import ${what}: expected at most ${limits.elements} elements, got [${shape}]`);
  }
}

function dtypeOf(code: number, what: string): DType {
  try {
    return dtypeOfOnnx(code);
  } catch {
    const name = TensorProto_DataType[code]?.toLowerCase() ?? code;
    throw new TypeError(
      `Cannot import ${what}: expected float32, float64, int64, int32, uint8 or bool elements, got ${name}`,
    );
  }
}

function inputOf({ name, type }: ValueInfoProto, limits: ImportLimits): RawInput {
  const what = `input ${quoted(name)}`;
  if (type?.value.case !== "tensorType" || type.value.value.shape === undefined) {
    throw new TypeError(`Cannot import ${what}: expected a tensor with a rank, got ${type?.value.case ?? "no type"}`);
  }
  const { elemType, shape } = type.value.value;
  const dims = shape!.dim.map(({ value }) => {
    if (value.case === "dimParam" && value.value !== "") return value.value;
    return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : "?";
  });
  checkShape(dims.map((d) => (typeof d === "number" ? d : 1)), what, limits);
  return { name, dtype: dtypeOf(elemType, what), dims };
}

function tensorOf(proto: TensorProto, { what, limits }: { what: string; limits: ImportLimits }): Tensor {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0) {
    throw new TypeError(`Cannot import ${what}: expected its data inside the file, got external data`);
  }
  if (proto.segment !== undefined) throw new TypeError(`Cannot import ${what}: expected a whole tensor, got a segment`);
  const type: TensorType = { dtype: dtypeOf(proto.dataType, what), shape: proto.dims.map(Number) };
  checkShape(type.shape, what, limits);
  const raw = proto.rawData;
  if (raw.length > 0) {
    if (raw.length !== bytesOf(type)) {
      throw new RangeError(
        `Cannot import ${what}: expected ${bytesOf(type)} bytes for ${type.dtype}[${type.shape}], got ${raw.length}`,
      );
    }
    if (type.dtype === "bool" && raw.some((v) => v > 1)) throw new RangeError(`Cannot import ${what}: expected 0 or 1`);
    return tensorFromBytes(type, raw);
  }
  const listed = listedData(proto, type.dtype);
  if (listed.length !== sizeOf(type.shape)) {
    throw new RangeError(
      `Cannot import ${what}: expected ${sizeOf(type.shape)} elements for [${type.shape}], got ${listed.length}`,
    );
  }
  return tensor(type.dtype, type.shape, listed);
}

/** The elements that are listed one by one instead of as raw bytes. */
function listedData(proto: TensorProto, dtype: DType) {
  if (dtype === "int64") return new BigInt64Array(proto.int64Data);
  if (dtype === "float64") return proto.doubleData;
  return dtype === "float32" ? proto.floatData : proto.int32Data;
}

function nodeOf(proto: NodeProto, limits: ImportLimits): RawNode {
  const attrs = new Map<string, RawAttr>();
  const node = { op: proto.opType, name: proto.name, inputs: proto.input, outputs: proto.output, attrs };
  const label = nodeLabel(node);
  if (Math.max(proto.input.length, proto.output.length) > MAX_OPERANDS) {
    throw new RangeError(`Cannot import ${label}: expected at most ${MAX_OPERANDS} inputs and outputs`);
  }
  if (!isOnnxDomain(proto.domain)) {
    throw new TypeError(`Cannot import ${label}: expected an operator of ONNX, got domain ${quoted(proto.domain)}`);
  }
  for (const attribute of proto.attribute) {
    if (attrs.has(attribute.name)) {
      throw new RangeError(`Cannot import ${label}: expected one attribute ${quoted(attribute.name)}, got two`);
    }
    attrs.set(attribute.name, attributeOf(attribute, label, limits));
  }
  return node;
}

function attributeOf(a: AttributeProto, label: string, limits: ImportLimits): RawAttr {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const what = `attribute ${quoted(a.name)} of ${label}`;
  if (a.refAttrName !== "") throw new TypeError(`Cannot import ${what}: expected a value, got a reference`);
  switch (a.type) {
    case Kind.FLOAT:
      return shortest(a.f);
    case Kind.INT:
      return safeInteger(a.i);
    case Kind.STRING:
      return text(a.s);
    case Kind.FLOATS:
      return a.floats.map(shortest);
    case Kind.INTS:
      return a.ints.map(safeInteger);
    case Kind.STRINGS:
      return a.strings.map(text);
    case Kind.TENSOR:
      if (a.t === undefined) throw new SyntaxError(`Cannot import ${what}: expected a tensor, got none`);
      return tensorOf(a.t, { what, limits });
    case Kind.GRAPH:
    case Kind.GRAPHS:
      throw new TypeError(`Cannot import ${label}: expected no control flow, got a subgraph in ${quoted(a.name)}`);
    default:
      throw new TypeError(`Cannot import ${what}: expected numbers, text or a tensor, got ${Kind[a.type] ?? a.type}`);
  }
}

/** The nearest safe integer: INT64_MAX and its like stand for "to the end". */
export function safeInteger(v: bigint): number {
  return Math.min(Math.max(Number(v), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** The shortest decimal with this float32 value, as the exporter was given it: 1e-5, not 9.999999747378752e-6. */
function shortest(v: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(v.toPrecision(digits));
    if (Math.fround(short) === v) return short;
  }
  return v;
}
