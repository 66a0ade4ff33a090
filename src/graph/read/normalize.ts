/**
 * Brings foreign ONNX models (operator sets 9 to 23) into the IR: static shapes, one output a node, the operators of
 * `ir/signatures.ts`. Shape arithmetic is folded; weights keep the names that they have in the file.
 */
import {
  checkShape,
  decodeModel,
  IMPORT_LIMITS,
  type ImportLimits,
  nodeLabel,
  type RawInput,
  type RawModel,
  type RawNode,
} from "./decode.ts";
import { quoted } from "../../tensor/mod.ts";
import { FoldingBuilder } from "./fold.ts";
import type { Graph, Value } from "../ir/ir.ts";
import { CONSTANT_RULES } from "./rules/constant.ts";
import { checkDtype } from "./rules/dtypes.ts";
import { ELEMENTWISE_RULES } from "./rules/elementwise.ts";
import { MATMUL_RULES } from "./rules/matmul.ts";
import { NORM_RULES } from "./rules/norm.ts";
import { REDUCE_RULES } from "./rules/reduce.ts";
import { RuleContext, type Rules } from "./rules/rule.ts";
import { SHAPE_RULES } from "./rules/shape.ts";
import { WINDOW_RULES } from "./rules/window.ts";
import { renameValues } from "./rename.ts";

/** Operator of ONNX → its form in operators of the IR. All other operators are refused by name. */
export const IMPORT_RULES: Rules = {
  ...CONSTANT_RULES,
  ...ELEMENTWISE_RULES,
  ...MATMUL_RULES,
  ...NORM_RULES,
  ...REDUCE_RULES,
  ...SHAPE_RULES,
  ...WINDOW_RULES,
};

/** Most nodes of the IR for a node of the file, on average. */
const MAX_GROWTH = 10;

export interface ImportOptions {
  /** The whole shape of an input whose dimensions the file leaves open. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** The same for a model with one input, whatever its name. */
  readonly inputShape?: readonly number[];
  /** Sizes of the file's symbolic dimensions, for example `{ batch: 1 }`. */
  readonly dimensions?: Readonly<Record<string, number>>;
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
export function normalizeModel(raw: RawModel, options: ImportOptions = {}): Graph {
  const limits = options.limits ?? IMPORT_LIMITS;
  refuseUnknownOperators(raw);
  const b = new FoldingBuilder();
  const values = new Map<string, Value>();
  for (const input of raw.inputs) {
    const shape = fixShape(input, options, raw.inputs.length === 1);
    checkShape(shape, `input ${quoted(input.name)}`, limits);
    values.set(input.name, b.input(input.name, { dtype: input.dtype, shape }));
  }
  for (const [name, value] of raw.constants) values.set(name, b.parameter(value, name));
  const used = new Set([...raw.nodes.flatMap((n) => n.inputs), ...raw.outputs]);
  for (const node of raw.nodes) {
    const from = b.nodes.length;
    const outputs = importNode(b, { node, opset: raw.opset, values, used });
    if (b.nodes.length > MAX_GROWTH * limits.nodes) {
      throw new RangeError(`Cannot import model: expected at most ${MAX_GROWTH * limits.nodes} nodes after rewriting`);
    }
    for (const { y } of b.nodes.slice(from)) checkShape(y.shape, nodeLabel(node), limits);
    node.outputs.forEach((name, i) => i < outputs.length && name !== "" && values.set(name, outputs[i]));
  }
  const results = Object.fromEntries(raw.outputs.map((name, i) => [outputKey(i), values.get(name)!]));
  const names = new Map<string, string>(), outputs = new Set(raw.outputs);
  for (const [name, value] of values) {
    if (!names.has(value.name) && !outputs.has(name)) names.set(value.name, name);
  }
  raw.outputs.forEach((name, i) => names.set(outputKey(i), name));
  return renameValues(b.build(raw.name, results), names);
}

/** The name of an output until every value has its final name. */
const outputKey = (i: number) => `output:${i}`;

function refuseUnknownOperators({ nodes }: RawModel): void {
  const node = nodes.find(({ op }) => !Object.hasOwn(IMPORT_RULES, op));
  if (node === undefined) return;
  throw new TypeError(
    `Cannot import ${nodeLabel(node)}: expected an operator that Sulcus knows, got ${quoted(node.op)}`,
  );
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

function importNode(
  b: FoldingBuilder,
  { node, opset, values, used }: {
    node: RawNode;
    opset: number;
    values: ReadonlyMap<string, Value>;
    used: ReadonlySet<string>;
  },
): readonly Value[] {
  const context = new RuleContext(b, node, opset, node.inputs.map((name) => (name === "" ? null : values.get(name)!)));
  try {
    checkDtype(context);
    const result = IMPORT_RULES[node.op](context);
    const outputs = "dtype" in result ? [result] : result;
    context.finish();
    const missing = node.outputs.find((name, i) => i >= outputs.length && name !== "" && used.has(name));
    if (missing !== undefined) throw new TypeError(`expected use of output 0 only, got ${quoted(missing)}`);
    return outputs;
  } catch (error) {
    if (error instanceof Error) error.message = `Cannot import ${nodeLabel(node)}: ${error.message}`;
    throw error;
  }
}
