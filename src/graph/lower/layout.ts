/**
 * Changes of layout. ONNX normalises over the last axis, volumes have their channels first: here channels are
 * normalised where they are, and transposes sink through elementwise operators until they meet their inverse.
 */
import type { BuiltNode, Node, Ops, Value } from "../ir/ir.ts";
import { applied } from "../ir/signatures.ts";
import { sameShape, tensor, type TensorType, toNumbers } from "../../tensor/mod.ts";
import { type Match, pass } from "./pass.ts";
import { byChannels, channelMeanSample, channelNormSample } from "./samples.ts";

/** Number of axes that are not 1. With at most one of them a change of layout moves nothing. */
const extents = (shape: readonly number[]) => shape.filter((d) => d !== 1).length;

/** y = (x − μ)·r·γ + β over axis 1 of [N, C, V]. */
function normalizeChannels(
  op: Ops,
  x: Value,
  { scale, bias, epsilon }: { scale: Value; bias?: Value | null | undefined; epsilon: number },
) {
  const column = (v: Value) => op.Reshape(v, [1, v.shape[0], 1]);
  const mean = op.ReduceMean(x, [1], { keepdims: 1 });
  const centred = op.Sub(x, mean);
  const variance = op.ReduceMean(op.Mul(centred, centred), [1], { keepdims: 1 });
  const rstd = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)));
  const scaled = op.Mul(op.Mul(centred, rstd), column(scale));
  return bias == null ? scaled : op.Add(scaled, column(bias));
}

/** Reports whether a node exchanges channels and voxels. */
const isTurn = (node: Node | BuiltNode) => node.op === "Transpose" && node.attrs.perm.join() === "0,2,1";

/** LayerNormalization between two transposes of a volume: a normalisation over axis 1 in its place. */
export const CHANNEL_NORM = pass({
  name: "channel-norm",
  ops: ["LayerNormalization"],
  match: ({ node: { attrs }, x: [x], producers: [turn], consumers }) => {
    if (x.shape.length !== 3 || attrs.axis !== 2) return "not over the last axis of tokens";
    if (turn?.op !== "Transpose" || !isTurn(turn)) return "the input is no transposed volume";
    if (!consumers.some(isTurn)) return "the output is not transposed back";
    return { volume: turn.x[0], epsilon: attrs.epsilon };
  },
  kinds: byChannels(32, 2, [channelNormSample([1, 16, 32 ** 3]), channelNormSample([1, 128, 16 ** 3])]),
  rewrite: (op, [, scale, bias], { volume, epsilon }) =>
    op.Transpose(normalizeChannels(op, volume, { scale, bias, epsilon }), { perm: [0, 2, 1] }),
});

/** A mean over the channels of [1, C, V] as a product with a row of 1/C, which keeps all threads busy on whole rows. */
export const CHANNEL_MEAN = pass({
  name: "channel-mean",
  ops: ["ReduceMean"],
  match: ({ node, x: [x], constants: [, axes] }) => {
    if (x.shape.length !== 3 || axes === undefined || toNumbers(axes).join() !== "1") return undefined;
    if (x.shape[0] !== 1) return "several samples: threads share them";
    return node.attrs.keepdims === 1 ? { channels: x.shape[1] } : "the axis is dropped";
  },
  kinds: byChannels(32, 1, [channelMeanSample([1, 16, 48 ** 3]), channelMeanSample([1, 64, 32 ** 3])]),
  rewrite: (op, [x], { channels }) =>
    op.MatMul(tensor(x.dtype, [1, channels], Array<number>(channels).fill(1 / channels)), x),
});

/** Operators that treat every element alike, and those that sum over axes. */
const ELEMENTWISE = ["Add", "Div", "Erf", "Exp", "Gelu", "Mul", "Neg", "Reciprocal", "Sqrt", "Sub"] as const;
const REDUCTIONS = ["ReduceMean", "ReduceSum"] as const;
type Elementwise = (typeof ELEMENTWISE)[number];
type Reduction = (typeof REDUCTIONS)[number];
type Turn = BuiltNode<"Transpose">;

/** How a node is written above the transpose of its input. */
interface Sunk {
  readonly build: (op: Ops, inputs: readonly (Value | null | undefined)[]) => Value;
}

/** Reports whether a transpose moves whole slices of a volume (`winograd.ts`): it is cheap, and none undoes it. */
const movesSlices = ({ y, attrs }: Turn) => y.shape.length === 5 && attrs.perm.join() === "0,2,1,3,4";

const isSame = (p: BuiltNode | undefined, turn: Turn): p is Turn =>
  p?.op === "Transpose" && p.attrs.perm.join() === turn.attrs.perm.join();

/** A transpose of a transpose as one, or as none where they undo each other. */
function joined({ attrs }: Node<"Transpose">, [first]: Match["producers"]): Sunk | undefined {
  if (first?.op !== "Transpose") return undefined;
  const perm = attrs.perm.map((k) => first.attrs.perm[k]), [source] = first.x;
  return { build: (op) => perm.every((k, i) => k === i) ? source : op.Transpose(source, { perm }) };
}

/** A reduction of a transposed value: reduces the axes before the transpose. */
function reducedAbove(
  { op: name, attrs }: Node<Reduction>,
  { y, producers: [turn], constants: [, listed] }: Pick<Match, "y" | "producers" | "constants">,
): Sunk | string | undefined {
  if (turn?.op !== "Transpose" || listed === undefined) return undefined;
  if (movesSlices(turn)) return "whole slices are moved";
  if (extents(y.shape) > 1 && attrs.keepdims !== 1) return "several axes are left";
  const { perm } = turn.attrs, [source] = turn.x;
  const axes = toNumbers(listed).map((k) => perm[k < 0 ? k + perm.length : k]);
  return {
    build: (op) => {
      const reduced = applied(op, name, { inputs: [source, axes], attrs });
      return extents(y.shape) <= 1 ? op.Reshape(reduced, y.shape) : op.Transpose(reduced, { perm });
    },
  };
}

/** Arithmetic whose operands are vectors or transposed alike: computes before the transpose. */
function arithmeticAbove(
  { op: name, attrs }: Node<Elementwise>,
  { x, y, producers }: Pick<Match, "y" | "producers"> & { readonly x: readonly (TensorType | null | undefined)[] },
): Sunk | string | undefined {
  const turn = producers.find((p): p is Turn => p?.op === "Transpose" && sameShape(p.y.shape, y.shape));
  if (turn === undefined) return undefined;
  if (movesSlices(turn)) return "whole slices are moved";
  const fits = x.every((v, i) => isSame(producers[i], turn) || v == null || extents(v.shape) <= 1);
  if (!fits) return "an operand has another layout";
  const { perm } = turn.attrs;
  // the operand before the transpose: the source of a transpose, or a vector along the axis of another number
  const above = (op: Ops, v: Value, producer: BuiltNode | undefined) => {
    if (isSame(producer, turn)) return producer.x[0];
    const shape = Array<number>(perm.length).fill(1), lead = perm.length - v.shape.length;
    v.shape.forEach((d, i) => shape[perm[i + lead]] = d);
    return op.Reshape(v, shape);
  };
  return {
    build: (op, inputs) => {
      const operands = inputs.map((v, i) => v ? above(op, v, producers[i]) : null);
      return op.Transpose(applied(op, name, { inputs: operands, attrs }), { perm });
    },
  };
}

export const SINK_TRANSPOSES = pass({
  name: "sink-transposes",
  ops: ["Transpose", ...REDUCTIONS, ...ELEMENTWISE],
  match: ({ node, x, ...around }) => {
    if (node.op === "Transpose") return joined(node, around.producers);
    if (node.op === "ReduceMean" || node.op === "ReduceSum") return reducedAbove(node, around);
    return arithmeticAbove(node, { ...around, x });
  },
  kinds: [{
    name: "past arithmetic",
    includes: () => true,
    sample: channelNormSample([1, 64, 16 ** 3]),
  }],
  rewrite: (op, inputs, { build }) => build(op, inputs),
});
