/**
 * Reads an ONNX file into plain data and refuses files that Sulcus does not take: this file and `normalize.ts` check
 * all that reaches ONNX Runtime. It knows the file format, not the operators.
 */
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { quoted } from "../../tensor/mod.ts";
import { refuseExternal } from "./external.ts";
import { type Inlined, inlineFunctions, onnxVersion } from "./functions.ts";
import { isOnnxDomain, parseModel, protoLabel } from "./proto.ts";
import {
  checkShape,
  DAMAGED,
  IMPORT_LIMITS,
  type ImportLimits,
  nodeLabel,
  type RawAttr,
  type RawGraph,
  type RawInput,
  type RawModel,
  type RawNode,
} from "./raw.ts";
import { dtypeOf, explained, tensorOf } from "./tensors.ts";

/** Most inputs or outputs of one node. */
const MAX_OPERANDS = 4096;

/**
 * The operator sets that are read: from the first with today's broadcasting. Since 23 the operators that rules read have
 * changed in attributes and inputs only, which are refused where a rule does not know them, and in element types
 * (`onnx.defs` of onnx 1.23.2).
 */
export const OPSETS = { first: 7, last: 28 } as const;

/**
 * Reads and checks a model. Large initializers are views of `bytes` where their alignment allows.
 * @throws {SyntaxError} not a whole ONNX file
 * @throws {TypeError} weights beside the file, another domain than ONNX's, loops, string, sparse or otherwise unknown
 *   element types
 * @throws {RangeError} the operator set, a size or a name is out of bounds
 */
export function decodeModel(bytes: Uint8Array, limits: ImportLimits = IMPORT_LIMITS): RawModel {
  const model = parseModel(bytes, limits);
  refuseExternal(model);
  const { inlined, opset } = openModel(model, limits);
  const { graph } = inlined;
  const context: Context = { opset, inlined, limits };
  const raw: RawModel = {
    ...graphOf(graph, context),
    name: graph.name || "graph",
    opset,
    producer: model.producerName,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    inputs: inputsOf(graph).map((i) => inputOf(i, limits)),
  };
  checkNames(raw);
  return raw;
}

/** The graph of a model with its functions inlined, and the operator set of its other nodes. */
export function openModel(model: ModelProto, limits: ImportLimits): { inlined: Inlined; opset: number } {
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0) {
    throw new SyntaxError(`Cannot import model: expected a graph with nodes, got none: ${DAMAGED}`);
  }
  const opset = checkVersion(onnxVersion(model.opsetImport) ?? onnxVersion(model.functions[0]?.opsetImport ?? []));
  refuseWhole(model, graph, limits);
  return { inlined: inlineFunctions(model, graph, limits), opset };
}

/** The inputs that are not initializers. */
export function inputsOf({ input, initializer }: GraphProto): ValueInfoProto[] {
  const constants = new Set(initializer.map((t) => t.name));
  return input.filter((i) => !constants.has(i.name));
}

interface Context {
  readonly opset: number;
  readonly inlined: Inlined;
  readonly limits: ImportLimits;
}

function graphOf(graph: GraphProto, context: Context): RawGraph {
  const { limits } = context;
  if (graph.sparseInitializer.length > 0) {
    const name = graph.sparseInitializer[0].values?.name ?? "";
    throw new TypeError(
      `Cannot import initializer ${quoted(name)}: expected a dense tensor, got a sparse one: export ` +
        'dense weights ("weight.to_dense()")',
    );
  }
  const constants: Map<string, ReturnType<typeof tensorOf>> = new Map();
  for (const proto of graph.initializer) {
    if (constants.has(proto.name)) throw duplicate(proto.name);
    constants.set(proto.name, tensorOf(proto, { what: `initializer ${quoted(proto.name)}`, limits }));
  }
  return { outputs: graph.output.map((o) => o.name), constants, nodes: graph.node.map((n) => nodeOf(n, context)) };
}

function checkVersion(version: number | undefined): number {
  if (version !== undefined && version >= OPSETS.first && version <= OPSETS.last) return version;
  throw new RangeError(
    `Cannot import model: expected ONNX operator set ${OPSETS.first} to ${OPSETS.last}, got ${version ?? "none"}: ` +
      'export it with "opset_version=17"',
  );
}

function refuseWhole(model: ModelProto, graph: GraphProto, limits: ImportLimits): void {
  if (model.trainingInfo.length > 0) {
    throw new TypeError("Cannot import model: expected no training information: export the network alone");
  }
  if (graph.node.length > limits.nodes) {
    throw new RangeError(
      `Cannot import model: expected at most ${limits.nodes} nodes, got ${graph.node.length}: simplify it with onnxsim`,
    );
  }
  if (graph.output.length === 0) throw new SyntaxError(`Cannot import model: expected an output, got none: ${DAMAGED}`);
}

function duplicate(name: string): RangeError {
  return new RangeError(`Cannot import model: expected unique names, got ${quoted(name)} twice: ${DAMAGED}`);
}

/** Every value has one definition and is used after it. */
function checkNames({ inputs, ...graph }: RawModel): void {
  const sources = new Set<string>();
  for (const name of [...inputs.map((i) => i.name), ...graph.constants.keys()]) {
    if (sources.has(name)) throw duplicate(name);
    sources.add(name);
  }
  checkGraph(graph, new Set(inputs.map((i) => i.name)));
  const { outputs } = graph;
  if (new Set(outputs).size !== outputs.length) throw duplicate(outputs.find((o, i) => outputs.indexOf(o) !== i)!);
  for (const name of outputs) {
    if (sources.has(name)) {
      throw new RangeError(
        `Cannot import model: output ${quoted(name)} is no node's output: export values that the network computes`,
      );
    }
  }
}

/** Checks one graph; a branch may define names again that are defined around it. */
function checkGraph({ constants, nodes, outputs }: RawGraph, around: ReadonlySet<string>): void {
  const defined = new Set([...around, ...constants.keys()]), own = new Set(constants.keys());
  const later = new Set(nodes.flatMap((n) => n.outputs));
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name === "" || defined.has(name)) continue;
      const found = later.has(name) ? "one that it or a later node defines" : "one that nothing defines";
      throw new RangeError(
        `Cannot import ${nodeLabel(node)}: expected inputs defined before it, got ${
          quoted(name)
        }, ${found}: ${DAMAGED}`,
      );
    }
    // bodies of loops have inputs of their own; they are refused with their node
    if (node.op === "If") { for (const value of node.attrs.values()) if (isGraph(value)) checkGraph(value, defined); }
    for (const name of node.outputs) {
      if (name === "") continue;
      if (own.has(name)) throw duplicate(name);
      own.add(name);
      defined.add(name);
    }
  }
  const missing = outputs.find((name) => !defined.has(name));
  if (missing !== undefined) {
    throw new RangeError(`Cannot import model: output ${quoted(missing)} is not defined: ${DAMAGED}`);
  }
}

/** Reports whether an attribute is a graph. */
export function isGraph(value: RawAttr): value is RawGraph {
  return typeof value === "object" && "nodes" in value;
}

function inputOf({ name, type }: ValueInfoProto, limits: ImportLimits): RawInput {
  const what = `input ${quoted(name)}`;
  if (type?.value.case !== "tensorType" || type.value.value.shape === undefined) {
    throw new TypeError(
      `Cannot import ${what}: expected a tensor with a rank, got ${type?.value.case ?? "no type"}: export ` +
        "with the shape of the input",
    );
  }
  const { elemType, shape } = type.value.value;
  const dims = shape!.dim.map(({ value }) => {
    if (value.case === "dimParam" && value.value !== "") return value.value;
    return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : "?";
  });
  checkShape(dims.map((d) => (typeof d === "number" ? d : 1)), what, limits);
  return { name, dtype: explained(what, () => dtypeOf(elemType)), dims };
}

function nodeOf(proto: NodeProto, context: Context): RawNode {
  const attrs = new Map<string, RawAttr>();
  const opset = context.inlined.opsets.get(proto) ?? context.opset;
  const label = protoLabel(proto);
  if (Math.max(proto.input.length, proto.output.length) > MAX_OPERANDS) {
    throw new RangeError(
      `Cannot import ${label}: expected at most ${MAX_OPERANDS} inputs and outputs: export with fewer`,
    );
  }
  if (!isOnnxDomain(proto.domain) && !isQuantized(proto)) {
    throw new TypeError(
      `Cannot import ${label}: expected an operator of ONNX, got domain ${quoted(proto.domain)}: export the model ` +
        'with standard operators only (for PyTorch without "custom_opsets"; quantised as QDQ; before any optimiser of ' +
        "a runtime)",
    );
  }
  for (const attribute of proto.attribute) {
    if (attrs.has(attribute.name)) {
      throw new RangeError(
        `Cannot import ${label}: expected one attribute ${quoted(attribute.name)}, got two: ${DAMAGED}`,
      );
    }
    attrs.set(attribute.name, attributeOf(attribute, label, context));
  }
  const node = { op: proto.opType, name: proto.name, inputs: proto.input, outputs: proto.output, attrs };
  return opset === context.opset ? node : { ...node, opset };
}

/** Reports whether it is an operator of ONNX that ONNX Runtime wrote in its own domain, for integers of 16 bits. */
function isQuantized({ domain, opType }: NodeProto): boolean {
  return domain === "com.microsoft" && /^(Dequantize|Quantize)Linear$/.test(opType);
}

function attributeOf(a: AttributeProto, label: string, context: Context): RawAttr {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const what = `attribute ${quoted(a.name)} of ${label}`;
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
      if (a.t === undefined) throw new SyntaxError(`Cannot import ${what}: expected a tensor, got none: ${DAMAGED}`);
      return tensorOf(a.t, { what, limits: context.limits });
    case Kind.GRAPH:
      if (a.g === undefined) throw new SyntaxError(`Cannot import ${what}: expected a graph, got none: ${DAMAGED}`);
      return graphOf(a.g, context);
    default:
      throw new TypeError(
        `Cannot import ${what}: expected numbers, text, a tensor or a graph, got ${
          Kind[a.type] ?? a.type
        }: export with ` +
          "operators of ONNX only",
      );
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
