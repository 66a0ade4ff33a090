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
  /** The whole shape of an input whose dimensions the file leaves open. */
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
  for (const input of raw.inputs) {
    const shape = fixShape(turned ? channelsFirst(input) : input, options, raw.inputs.length === 1);
    checkShape(shape, `input ${quoted(input.name)}`, limits);
    const value = b.input(input.name, { dtype: input.dtype, shape });
    values.set(input.name, turned && shape.length > 2 ? b.op.Transpose(value, { perm: toLast(shape.length) }) : value);
  }
  const inner = importNodes(b, raw, { values, opset: raw.opset, limits });
  const volumeRank = Math.max(...raw.inputs.map((i) => i.dims.length));
  const first = (v: Value) =>
    turned && v.shape.length > 2 && v.shape.length === volumeRank
      ? b.op.Transpose(v, { perm: toFirst(v.shape.length) })
      : v;
  const results = Object.fromEntries(raw.outputs.map((name, i) => [outputKey(i), first(values.get(name)!)]));
  const names = new Map(raw.inputs.map((i) => [i.name, i.name])), outputs = new Set(raw.outputs);
  if (turned) { for (const { name } of raw.inputs) outputs.add(name); }
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

/** The input as a network with channels first states it. */
function channelsFirst(input: RawInput): RawInput {
  return input.dims.length > 2 ? { ...input, dims: toFirst(input.dims.length).map((k) => input.dims[k]) } : input;
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

function fixShape(
  { name, dims }: RawInput,
  { shapes = {}, dimensions = {}, inputShape }: ImportOptions,
  only: boolean,
): number[] {
  const given = Object.hasOwn(shapes, name) ? shapes[name] : only ? inputShape : undefined;
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
