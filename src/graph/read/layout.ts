/**
 * Networks that hold volumes as [N, X, Y, Z, C], as Keras writes them. Here they become channels-first: their inputs and
 * outputs are turned, and the transposes around their convolutions cancel.
 */
import type { GraphProto, NodeProto } from "onnx-buf";
import { GraphBuilder } from "../build/builder.ts";
import type { Graph, Node, Value } from "../ir/ir.ts";
import { applied } from "../ir/signatures.ts";
import { constantNumbers } from "../ops/operands.ts";
import { sameShape, sizeOf } from "../../tensor/mod.ts";
import { integersOf } from "./proto.ts";
import { renameValues } from "./rename.ts";

/** Where the channels of volumes stand. */
export type Layout = "channels-first" | "channels-last";

/** [N, …, C] from [N, C, …]. */
export function toLast(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** [N, C, …] from [N, …, C]. */
export function toFirst(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** Operators that take volumes channels-first. */
const IMAGE_OPERATORS = new Set(
  ("Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization " +
    "GroupNormalization QLinearConv ConvInteger").split(" "),
);

/**
 * Where a file's first operators look for the channels of its input: an image operator takes them first, a transpose
 * that brings the last axis forward shows that they were last; null where neither is met.
 */
export function recognisedLayout(graph: GraphProto): Layout | null {
  const { input, node } = graph;
  const constants = new Set(node.filter((n) => n.input.length === 0).flatMap((n) => n.output));
  const volumes = new Set(input.map((i) => i.name));
  for (const n of node) {
    if (!n.input.some((name) => volumes.has(name) && !constants.has(name))) continue;
    if (n.opType === "Transpose" && permOf(n)?.join() === toFirst(permOf(n)!.length).join()) return "channels-last";
    if (n.opType === "Reshape" && movesChannel(graph, n)) return "channels-last";
    if (IMAGE_OPERATORS.has(n.opType)) return "channels-first";
    if (!SHAPE_ONLY.has(n.opType)) n.output.forEach((name) => volumes.add(name));
  }
  return null;
}

/** Operators whose outputs are no volumes. */
const SHAPE_ONLY = new Set(["Shape", "Size"]);

/** A single channel is moved by a Reshape: [N, X, Y, Z, 1] → [N, 1, X, Y, Z]. */
function movesChannel(graph: GraphProto, { input: [name, target] }: NodeProto): boolean {
  const type = graph.input.find((i) => i.name === name)?.type?.value;
  const last = type?.case === "tensorType" ? type.value.shape?.dim.at(-1)?.value : undefined;
  const sizes = integersOf(graph, target ?? "");
  const rank = type?.case === "tensorType" ? type.value.shape?.dim.length : undefined;
  return last?.case === "dimValue" && last.value === 1n && sizes?.length === rank && sizes?.[1] === 1 &&
    sizes.at(-1) !== 1;
}

function permOf({ attribute }: NodeProto): number[] | undefined {
  return attribute.find((a) => a.name === "perm")?.ints.map(Number);
}

/** A value of the new graph that stands for a value of the old one in another order of axes. */
interface Turned {
  readonly source: Value;
  /** The old value is `Transpose(source, perm)`. */
  readonly perm: readonly number[];
}

/** Operators that treat every element alike, whatever its place. */
const ELEMENTWISE = new Set<string>(
  ("Abs Add And Cast Ceil Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish " +
    "Identity LeakyRelu Less LessOrEqual Log Max Min Mul Neg Not Or PRelu Pow Reciprocal Relu Round Sigmoid Sign Sin " +
    "Softplus Sqrt Sub Tanh Where").split(" "),
);

type Reduction = "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum";
const isReduction = (node: Node): node is Node<Reduction> => node.op.startsWith("Reduce");

const ALONG_AXIS = new Set<string>(["ArgMax", "Concat", "LogSoftmax", "Softmax"]);

/**
 * The graph with its transposes moved towards the outputs, where they meet their inverse. A value that is no longer
 * transposed keeps its name.
 */
export function cancelTransposes(graph: Graph): Graph {
  const b = new GraphBuilder();
  for (const name of graph.inputs) b.input(name, graph.types.get(name)!);
  const inputs = new Map(b.inputs.map((v) => [v.name, v]));
  /** By old name, where the new value is turned; `made` holds the transposes that were needed after all. */
  const turned = new Map<string, Turned>();
  const made = new Map<string, Value>();
  const names = new Map<string, string>();
  const values = b.inline(graph, (name) => inputs.get(name), (node, known) => {
    // an untouched value stands for itself
    const plain = (name: string): Value => {
      const t = turned.get(name);
      if (t === undefined) return known.get(name)!;
      const value = made.get(name) ?? transposed(b, t);
      made.set(name, value);
      return value;
    };
    const result = moved(b, node, { turned, known, graph });
    const value = result?.source ??
      b.add(node.op, node.inputs.map((name) => (name === "" ? null : plain(name))), node.attrs);
    if (result !== undefined && !isIdentity(result.perm)) turned.set(node.output, result);
    if (!graph.outputs.includes(node.output) && !inputs.has(value.name) && !names.has(value.name)) {
      names.set(value.name, node.output);
    }
    return value;
  });
  const outputs = graph.outputs.map((name) => {
    const t = turned.get(name);
    return [name, t === undefined ? values.get(name)! : made.get(name) ?? transposed(b, t)] as const;
  });
  return renameValues(b.build(graph.name, Object.fromEntries(outputs)), names);
}

const isIdentity = (perm: readonly number[]) => perm.every((p, k) => p === k);

function transposed(b: GraphBuilder, { source, perm }: Turned): Value {
  return b.op.Transpose(source, { perm });
}

interface Around {
  readonly turned: ReadonlyMap<string, Turned>;
  readonly known: ReadonlyMap<string, Value>;
  readonly graph: Graph;
}

/** The node's output before a transpose that its inputs have in common, or undefined. */
function moved(b: GraphBuilder, node: Node, around: Around): Turned | undefined {
  const { turned, known, graph } = around;
  const first = turned.get(node.inputs[0]);
  if (node.op === "Transpose") {
    const source = first?.source ?? known.get(node.inputs[0])!;
    const inner = first?.perm ?? source.shape.map((_, k) => k);
    return { source, perm: node.attrs.perm.map((k) => inner[k]) };
  }
  const leader = node.inputs.map((name) => turned.get(name)).find((t) => t !== undefined);
  if (leader === undefined) return undefined;
  const { perm } = leader, rank = perm.length;
  const axisOf = (axis: number) => perm[axis < 0 ? axis + rank : axis];
  const numbers = (i: number) => {
    const constant = graph.constants.get(node.inputs[i] ?? "");
    return constant && constantNumbers({ ...constant, constant }, "numbers");
  };
  if (ELEMENTWISE.has(node.op) || node.op === "Concat") {
    if (graph.types.get(node.output)!.shape.length !== rank) return undefined;
    const operands = node.inputs.map((name) => operandBefore(b, name, { ...around, perm }));
    if (operands.includes(undefined)) return undefined;
    const attrs = node.op === "Concat" ? { axis: axisOf(node.attrs.axis) } : node.attrs;
    return { source: applied(b.op, node.op, { inputs: operands.map((v) => v ?? null), attrs }), perm };
  }
  if (first === undefined) return undefined;
  const { source } = first;
  if (ALONG_AXIS.has(node.op) && "axis" in node.attrs) {
    if ("keepdims" in node.attrs && node.attrs.keepdims !== 1) return undefined;
    const attrs = { ...node.attrs, axis: axisOf(node.attrs.axis) };
    return { source: applied(b.op, node.op, { inputs: [source], attrs }), perm };
  }
  if (isReduction(node)) {
    const axes = numbers(1)?.map(axisOf) ?? [], left = perm.filter((p) => axes.length > 0 && !axes.includes(p));
    const keepsOrder = left.every((p, i) => i === 0 || p > left[i - 1]);
    if (node.attrs.keepdims !== 1 && !keepsOrder) return undefined;
    const inputs = axes.length === 0 ? [source, null] : [source, axes];
    const reduced = applied(b.op, node.op, { inputs, attrs: node.attrs });
    return { source: reduced, perm: node.attrs.keepdims === 1 ? perm : left.map((_, k) => k) };
  }
  if (node.op === "Slice") {
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map(numbers);
    if (starts === undefined || ends === undefined) return undefined;
    const along = (axes ?? starts.map((_, k) => k)).map(axisOf);
    return { source: b.op.Slice(source, starts, ends, along, steps ?? starts.map(() => 1)), perm };
  }
  if (node.op === "Pad") {
    const pads = numbers(1);
    if (pads === undefined) return undefined;
    const before = Array<number>(2 * rank).fill(0);
    perm.forEach((p, k) => {
      before[p] = pads[k];
      before[p + rank] = pads[k + rank];
    });
    const value = node.inputs[2] ? known.get(node.inputs[2])! : null;
    return { source: b.op.Pad(source, before, value, node.attrs), perm };
  }
  return undefined;
}

/** An operand in the order of axes before the transpose: null where it is absent, undefined where it has none. */
function operandBefore(
  b: GraphBuilder,
  name: string,
  { turned, known, perm }: Around & { readonly perm: readonly number[] },
): Value | null | undefined {
  if (name === "") return null;
  const t = turned.get(name);
  if (t !== undefined) return sameShape(t.perm, perm) ? t.source : undefined;
  const v = known.get(name)!;
  if (v.shape.length > perm.length) return undefined;
  if (sizeOf(v.shape) === 1 && v.shape.length <= 1) return v.shape.length === 0 ? v : b.op.Reshape(v, []);
  const shape = [...Array<number>(perm.length - v.shape.length).fill(1), ...v.shape];
  const before = Array<number>(perm.length).fill(1);
  perm.forEach((p, k) => before[p] = shape[k]);
  if (v.shape.filter((d) => d !== 1).length <= 1) return b.op.Reshape(v, before);
  const whole = b.op.Reshape(v, shape);
  return b.op.Transpose(whole, { perm: perm.map((_, p) => perm.indexOf(p)) });
}
