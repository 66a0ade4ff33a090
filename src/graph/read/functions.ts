/**
 * Local functions of a model file, which PyTorch writes for its modules and for operators that ONNX lacks: every call
 * becomes the nodes of the function's body, with names of their own.
 */
import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
} from "onnx-buf";
import { quoted } from "../../tensor/mod.ts";
import { isOnnxDomain, protoLabel, withFields } from "./proto.ts";
import { DAMAGED, type ImportLimits } from "./raw.ts";

/** Most functions within each other, and in a file. */
const MAX_DEPTH = 64, MAX_FUNCTIONS = 2000;

const REMEDY = 'export without local functions ("export_modules_as_functions=False"), or inline them with onnx.inliner';

/** A graph without calls of local functions. */
export interface Inlined {
  readonly graph: GraphProto;
  /** The operator set of ONNX's operators for nodes out of functions. */
  readonly opsets: ReadonlyMap<NodeProto, number>;
}

/** What names and attributes mean inside a body. */
interface Scope {
  readonly rename: (name: string) => string;
  readonly prefix: string;
  /** The call's attributes; null outside functions, where none may be referred to. */
  readonly attrs: ReadonlyMap<string, AttributeProto> | null;
  /** The operator set of ONNX's operators; undefined: the model's. */
  readonly opset: number | undefined;
  /** Keys of the functions around. */
  readonly stack: readonly string[];
}

/** The version of ONNX's own operators among imported operator sets. */
export function onnxVersion(imports: readonly OperatorSetIdProto[]): number | undefined {
  const entry = imports.find(({ domain }) => isOnnxDomain(domain));
  return entry && Number(entry.version);
}

/**
 * The graph of a model with its local functions inlined.
 * @throws {TypeError | RangeError} a function that calls itself; a call that does not fit; too many nodes
 */
export function inlineFunctions(model: ModelProto, graph: GraphProto, limits: ImportLimits): Inlined {
  const inliner = new Inliner(model.functions, graph, limits);
  const scope: Scope = { rename: (name) => name, prefix: "", attrs: null, opset: undefined, stack: [] };
  return { graph: inliner.graph(graph, scope), opsets: inliner.opsets };
}

class Inliner {
  readonly opsets = new Map<NodeProto, number>();
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #taken = new Set<string>();
  /** The next suffix of names that are taken. */
  readonly #suffixes = new Map<string, number>();
  /** Nodes that a function's body becomes; 0 while they are counted, since one that calls itself is refused later. */
  readonly #sizes = new Map<FunctionProto, number>();

  constructor(functions: readonly FunctionProto[], graph: GraphProto, limits: ImportLimits) {
    if (functions.length > MAX_FUNCTIONS) {
      throw new RangeError(
        `Cannot import model: expected at most ${MAX_FUNCTIONS} local functions, got ${functions.length}: ${REMEDY}`,
      );
    }
    this.#functions = new Map(functions.map((f) => [keyOf(f.domain, f.name, f.overload), f]));
    if (this.#functions.size < functions.length) {
      throw new RangeError("Cannot import model: expected local functions with distinct names: " + DAMAGED);
    }
    for (const name of namesOf(graph)) this.#taken.add(name);
    const count = this.#count(graph.node);
    if (count > limits.nodes) {
      throw new RangeError(`Cannot import model: expected at most ${limits.nodes} nodes, got ${count}: ${REMEDY}`);
    }
  }

  /** The number of nodes with all functions inlined. */
  #count(nodes: readonly NodeProto[]): number {
    return nodes.reduce((sum, { domain, opType, overload, attribute }) => {
      const called = this.#functions.get(keyOf(domain, opType, overload));
      const inner = attribute.reduce((n, { g }) => n + (g === undefined ? 0 : this.#count(g.node)), 0);
      return sum + inner + (called === undefined ? 1 : this.#sizeOf(called));
    }, 0);
  }

  #sizeOf(called: FunctionProto): number {
    const known = this.#sizes.get(called);
    if (known !== undefined) return known;
    this.#sizes.set(called, 0);
    const size = this.#count(called.node);
    this.#sizes.set(called, size);
    return size;
  }

  /** Always makes new messages: the file's own are left alone. */
  graph(graph: GraphProto, scope: Scope): GraphProto {
    const { rename } = scope;
    return withFields(graph, {
      input: graph.input.map((i) => withFields(i, { name: rename(i.name) })),
      output: graph.output.map((o) => withFields(o, { name: rename(o.name) })),
      initializer: graph.initializer.map((t) => withFields(t, { name: rename(t.name) })),
      node: graph.node.flatMap((n) => this.#expand(n, scope)),
    });
  }

  #expand(node: NodeProto, scope: Scope): NodeProto[] {
    const attribute = node.attribute.flatMap((a) => this.#attribute(a, node, scope));
    const placed = withFields(node, {
      name: node.name && scope.prefix + node.name,
      input: node.input.map(scope.rename),
      output: node.output.map(scope.rename),
      attribute,
    });
    const key = keyOf(node.domain, node.opType, node.overload), called = this.#functions.get(key);
    if (called !== undefined) return this.#call(called, placed, { ...scope, stack: [...scope.stack, key] });
    if (scope.opset !== undefined) this.opsets.set(placed, scope.opset);
    return [placed];
  }

  /** The nodes of a function's body in place of a call. */
  #call(called: FunctionProto, call: NodeProto, { stack }: Scope): NodeProto[] {
    const label = `${protoLabel(call)} in domain ${quoted(called.domain)}`;
    if (stack.indexOf(stack.at(-1)!) < stack.length - 1) {
      throw new TypeError(`Cannot import ${label}: expected no function that calls itself: ${DAMAGED}`);
    }
    if (stack.length > MAX_DEPTH) {
      throw new RangeError(
        `Cannot import ${label}: expected at most ${MAX_DEPTH} functions within each other: ${REMEDY}`,
      );
    }
    if (call.input.length > called.input.length || call.output.length > called.output.length) {
      throw new RangeError(
        `Cannot import ${label}: expected at most ${called.input.length} inputs and ${called.output.length} outputs, ` +
          `got ${call.input.length} and ${call.output.length}: ${DAMAGED}`,
      );
    }
    const prefix = `${call.name || call.output.find((o) => o !== "") || call.opType}/`;
    const names = new Map(called.input.map((name, i) => [name, call.input[i] ?? ""]));
    const passed = called.output.flatMap((name, i) => {
      const output = call.output[i] ?? "", input = names.get(name);
      if (input === undefined) names.set(name, output || this.#fresh(prefix + name));
      return input === undefined || output === "" ? [] : [{ input, output }];
    });
    const rename = (name: string): string => {
      if (name === "") return "";
      if (!names.has(name)) names.set(name, this.#fresh(prefix + name));
      return names.get(name)!;
    };
    const opset = onnxVersion(called.opsetImport);
    const scope: Scope = { rename, prefix, attrs: attributesOf(called, call, label), opset, stack };
    const identity = ({ input, output }: { input: string; output: string }) =>
      create(NodeProtoSchema, { opType: "Identity", name: prefix + output, input: [input], output: [output] });
    return [...called.node.flatMap((n) => this.#expand(n, scope)), ...passed.map(identity)];
  }

  /** An attribute with its reference resolved and its graphs inlined; none where the call leaves it out. */
  #attribute(attribute: AttributeProto, node: NodeProto, scope: Scope): AttributeProto[] {
    const { name, refAttrName, type, g } = attribute;
    if (refAttrName !== "") {
      if (scope.attrs === null) {
        throw new TypeError(
          `Cannot import attribute ${quoted(name)} of ${
            protoLabel(node)
          }: expected a value, got a reference: ${DAMAGED}`,
        );
      }
      const given = scope.attrs.get(refAttrName);
      if (given === undefined) return [];
      if (type !== Kind.UNDEFINED && type !== given.type) {
        throw new TypeError(
          `Cannot import attribute ${quoted(name)} of ${protoLabel(node)}: expected ${Kind[type]}, got ` +
            `${Kind[given.type]} in ${quoted(refAttrName)}: ${DAMAGED}`,
        );
      }
      return [withFields(given, { name })];
    }
    if (g === undefined) return [attribute];
    return [withFields(attribute, { g: this.graph(g, scope) })];
  }

  #fresh(name: string): string {
    let free = name, i = this.#suffixes.get(name) ?? 1;
    while (this.#taken.has(free)) free = `${name}_${i++}`;
    this.#suffixes.set(name, i);
    this.#taken.add(free);
    return free;
  }
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([isOnnxDomain(domain) ? "" : domain, name, overload]);
}

/** The values of a function's attributes in a call. */
function attributesOf(called: FunctionProto, call: NodeProto, label: string): Map<string, AttributeProto> {
  const known = new Set([...called.attribute, ...called.attributeProto.map((a) => a.name)]);
  const unknown = call.attribute.find((a) => !known.has(a.name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot import ${label}: expected no attribute ${quoted(unknown.name)}: ${DAMAGED}`);
  }
  return new Map([...called.attributeProto, ...call.attribute].map((a) => [a.name, a]));
}

/** All names of values in a graph, its branches included. */
function* namesOf({ input, initializer, node }: GraphProto): Generator<string> {
  for (const { name } of [...input, ...initializer]) yield name;
  for (const { output, attribute } of node) {
    yield* output;
    for (const { g } of attribute) if (g !== undefined) yield* namesOf(g);
  }
}
