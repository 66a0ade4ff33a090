/**
 * Brings foreign ONNX models (operator sets 7 to 28) into the IR: static shapes, one output a node, the operators of
 * `ir/signatures.ts`. Shape arithmetic is folded; weights keep the names that they have in the file.
 */
import { decodeModel } from "./decode.ts";
import { cancelTransposes, type Layout, toFirst, toLast } from "./layout.ts";
import { checkShape, IMPORT_LIMITS, type ImportLimits, type RawInput, type RawModel } from "./raw.ts";
import { quoted } from "../../tensor/mod.ts";
import { FoldingBuilder } from "./fold.ts";
import type { Graph, Value } from "../ir/ir.ts";
import { importNodes, namesUsed } from "./nodes.ts";
import { renameValues } from "./rename.ts";

/** Most names that a message lists. */
const MAX_LISTED = 20;

export interface ImportOptions {
  /**
   * The whole shape of an input whose dimensions the file leaves open. One more axis of size 1 in front adds a batch axis
   * to a file without one, also to its outputs.
   */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** The same for a model with one input, whatever its name. */
  readonly inputShape?: readonly number[];
  /** Sizes of the file's symbolic dimensions, for example `{ batch: 1 }`. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** The file's layout of volumes; `channels-last` makes the graph channels-first. Sizes above are channels-first. */
  readonly layout?: Layout;
  /** Only these values of the file, in this order, instead of its outputs. */
  readonly outputs?: readonly string[];
  readonly limits?: ImportLimits;
}

/**
 * Reads an ONNX model into the IR. Large constants are views of `bytes`, which must not change afterwards.
 * @throws {SyntaxError | TypeError | RangeError} what `decodeModel` refuses; a dimension that neither the file nor the
 *   caller fixes; an operator, attribute or input that the IR cannot express, with the node's name
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Graph {
  const limits = options.limits ?? IMPORT_LIMITS;
  return normalizeModel(decodeModel(bytes, limits), { ...options, limits });
}

/** The same for a model that is decoded already. */
export function normalizeModel(model: RawModel, options: ImportOptions = {}): Graph {
  const limits = options.limits ?? IMPORT_LIMITS;
  const raw = options.outputs === undefined ? model : withOutputs(model, options.outputs);
  const b = new FoldingBuilder();
  const values = new Map<string, Value>();
  const turned = options.layout === "channels-last";
  const only = raw.inputs.length === 1;
  /** The file leaves the batch axis out. */
  let unbatched = false;
  for (const input of raw.inputs) {
    const lacks = lacksBatch(input, options, only), dims = lacks ? [1, ...input.dims] : input.dims;
    const shape = fixShape({ ...input, dims: turned ? channelsFirst(dims) : dims }, options, only);
    checkShape(shape, `input ${quoted(input.name)}`, limits);
    const value = b.input(input.name, { dtype: input.dtype, shape });
    const last = turned && shape.length > 2 ? b.op.Transpose(value, { perm: toLast(shape.length) }) : value;
    values.set(input.name, lacks ? b.op.Reshape(last, last.shape.slice(1)) : last);
    unbatched ||= lacks;
  }
  const inner = importNodes(b, raw, { values, opset: raw.opset, limits });
  const volumeRank = Math.max(...b.inputs.map((i) => i.shape.length));
  const first = (found: Value) => {
    const v = unbatched ? b.op.Reshape(found, [1, ...found.shape]) : found;
    const isVolume = turned && v.shape.length > 2 && v.shape.length === volumeRank;
    return isVolume ? b.op.Transpose(v, { perm: toFirst(v.shape.length) }) : v;
  };
  const results = Object.fromEntries(raw.outputs.map((name, i) => [outputKey(i), first(values.get(name)!)]));
  const names = new Map(raw.inputs.map((i) => [i.name, i.name])), outputs = new Set(raw.outputs);
  if (turned || unbatched) { for (const { name } of raw.inputs) outputs.add(name); }
  for (const [name, value] of [...values, ...inner]) {
    if (names.has(value.name) || outputs.has(name)) continue;
    names.set(value.name, name);
    outputs.add(name);
  }
  raw.outputs.forEach((name, i) => names.set(outputKey(i), name));
  const graph = renameValues(b.build(raw.name, results), names);
  return turned ? cancelTransposes(graph) : graph;
}

/** The name of an output until every value has its final name. */
const outputKey = (i: number) => `output:${i}`;

/** The sizes as a network with channels first states them. */
function channelsFirst(dims: RawInput["dims"]): RawInput["dims"] {
  return dims.length > 2 ? toFirst(dims.length).map((k) => dims[k]) : dims;
}

/** The shape that the caller gives an input. */
function givenShape({ name }: RawInput, { shapes = {}, inputShape }: ImportOptions, only: boolean) {
  return Object.hasOwn(shapes, name) ? shapes[name] : only ? inputShape : undefined;
}

/** Reports whether a batch of one is asked for where the file has no batch axis. */
function lacksBatch(input: RawInput, options: ImportOptions, only: boolean): boolean {
  const given = givenShape(input, options, only);
  return given?.length === input.dims.length + 1 && given[0] === 1;
}

/** The model with other outputs, and only the nodes that they need. @throws {RangeError} a name that no node makes */
function withOutputs(raw: RawModel, outputs: readonly string[]): RawModel {
  const made = new Set(raw.nodes.flatMap((n) => n.outputs));
  const unknown = outputs.find((name) => !made.has(name));
  if (unknown !== undefined || outputs.length === 0) {
    throw new RangeError(
      `Cannot import model: expected as outputs values that its nodes make, got ${quoted(unknown ?? "")}; ` +
        `the file's own are ${raw.outputs.slice(0, MAX_LISTED).map(quoted).join(", ")}`,
    );
  }
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new RangeError(`Cannot import model: expected each output once, got ${quoted(twice)} twice`);
  }
  const needed = new Set(outputs);
  const nodes = raw.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    namesUsed({ outputs: [], nodes: [node] }).forEach((name) => needed.add(name));
    return true;
  });
  return { ...raw, outputs, nodes: nodes.reverse() };
}

function fixShape(input: RawInput, options: ImportOptions, only: boolean): number[] {
  const { name, dims } = input, { dimensions = {} } = options;
  const given = givenShape(input, options, only);
  const what = `Cannot import input ${quoted(name)} [${dims.join(", ")}]`;
  if (given !== undefined && given.length !== dims.length) {
    throw new RangeError(`${what}: expected ${dims.length} sizes in shapes, got [${given}]`);
  }
  return dims.map((dim, k) => {
    const size = given?.[k] ??
      (typeof dim === "number" ? dim : Object.hasOwn(dimensions, dim) ? dimensions[dim] : undefined);
    if (size === undefined) {
      throw new RangeError(
        `${what}: expected a size for dimension ${k} ("${dim}"), got none: pass shapes or dimensions`,
      );
    }
    if (typeof dim === "number" && size !== dim) {
      throw new RangeError(`${what}: expected size ${dim} for dimension ${k}, got ${size}`);
    }
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`${what}: expected a positive size for dimension ${k}, got ${size}`);
    }
    return size;
  });
}
