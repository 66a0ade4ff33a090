/**
 * Changes of layout. Normalisation over channels is written for channels last, volumes have them first; here it is done
 * where they are, and transposes move down through elementwise operators until they meet their inverse.
 */
import type { BuiltNode } from "../build/builder.ts";
import type { OpName, Ops, Value } from "../ir/ir.ts";
import { sameShape, tensor, toNumbers } from "../../tensor/mod.ts";
import type { Match, Pass } from "./pass.ts";
import { byChannels, channelMeanSample, channelNormSample } from "./samples.ts";

const permOf = (node: { readonly attrs: Match["node"]["attrs"] }) => node.attrs.perm as readonly number[];

/** Number of axes that are not 1: up to one, a change of layout moves nothing. */
const extents = (shape: readonly number[]) => shape.filter((d) => d !== 1).length;

/** y = (x − μ)·r·γ + β over axis 1 of [N, C, V]. */
function normalizeChannels(
  op: Ops,
  x: Value,
  { scale, bias, epsilon }: { scale: Value; bias?: Value; epsilon: number },
) {
  const column = (v: Value) => op.Reshape(v, [1, v.shape[0], 1]);
  const mean = op.ReduceMean(x, [1], { keepdims: 1 });
  const centred = op.Sub(x, mean);
  const variance = op.ReduceMean(op.Mul(centred, centred), [1], { keepdims: 1 });
  const rstd = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)));
  const scaled = op.Mul(op.Mul(centred, rstd), column(scale));
  return bias === undefined ? scaled : op.Add(scaled, column(bias));
}

const isTurn = (node: { readonly op: OpName; readonly attrs: Match["node"]["attrs"] } | undefined) =>
  node?.op === "Transpose" && permOf(node).join() === "0,2,1";

/** LayerNormalization of transposed volumes that are transposed back: over the channels where they are. */
export const CHANNEL_NORM: Pass = {
  name: "channel-norm",
  op: "LayerNormalization",
  check: ({ node, x: [x], producers, consumers }) => {
    if (x.shape.length !== 3 || node.attrs.axis !== 2) return "not over the last axis of tokens";
    if (!isTurn(producers[0])) return "the input is no transposed volume";
    return consumers.some((n) => isTurn(n)) ? null : "the output is not transposed back";
  },
  kinds: byChannels(32, 2, [channelNormSample([1, 16, 32 ** 3]), channelNormSample([1, 128, 16 ** 3])]),
  rewrite: (op, [, scale, bias], { node, producers }) =>
    op.Transpose(
      normalizeChannels(op, producers[0]!.x[0]!, { scale, bias, epsilon: Number(node.attrs.epsilon) }),
      { perm: [0, 2, 1] },
    ),
};

/** A mean over the channels of [1, C, V] as a product with a row of 1/C: all threads work, and each on whole rows. */
export const CHANNEL_MEAN: Pass = {
  name: "channel-mean",
  op: "ReduceMean",
  check: ({ node, x: [x], constants }) => {
    if (x.shape.length !== 3 || constants[1] === undefined || toNumbers(constants[1]).join() !== "1") return undefined;
    if (x.shape[0] !== 1) return "several samples: they are shared out as they are";
    return node.attrs.keepdims === 1 ? null : "the axis is dropped";
  },
  kinds: byChannels(32, 1, [channelMeanSample([1, 16, 48 ** 3]), channelMeanSample([1, 64, 32 ** 3])]),
  rewrite: (op, [x]) => {
    const channels = x.shape[1];
    return op.MatMul(tensor(x.dtype, [1, channels], Array<number>(channels).fill(1 / channels)), x);
  },
};

/** Operators that treat every element alike, and those that sum over axes. */
const ELEMENTWISE: ReadonlySet<OpName> = new Set<OpName>([
  "Add",
  "Div",
  "Erf",
  "Exp",
  "Gelu",
  "Mul",
  "Neg",
  "Reciprocal",
  "Sqrt",
  "Sub",
]);
const REDUCTIONS: ReadonlySet<OpName> = new Set<OpName>(["ReduceMean", "ReduceSum"]);

/** The transpose that would move below the node: of a whole operand, not of one that is broadcast. */
function sinking({ y, producers }: Match): BuiltNode | undefined {
  return producers.find((p) => p?.op === "Transpose" && sameShape(p.y.shape, y.shape));
}

/** Whether a transpose moves whole slices of a volume (`winograd.ts`): cheap, and what follows is not in that layout. */
const movesSlices = (turn: BuiltNode) => turn.y.shape.length === 5 && permOf(turn).join() === "0,2,1,3,4";

const isSame = (p: BuiltNode | undefined, turn: BuiltNode) =>
  p?.op === "Transpose" && permOf(p).join() === permOf(turn).join();

/** An operand as it is above the transpose: what was transposed alike, or a vector whose axis is renamed. */
function above(op: Ops, x: Value, { producer, turn }: { producer: BuiltNode | undefined; turn: BuiltNode }): Value {
  if (isSame(producer, turn)) return producer!.x[0]!;
  const perm = permOf(turn), shape = Array<number>(perm.length).fill(1), lead = perm.length - x.shape.length;
  x.shape.forEach((d, i) => shape[perm[i + lead]] = d);
  return op.Reshape(x, shape);
}

/** The node's operator on other operands. */
function again(op: Ops, { node }: Match, inputs: readonly (Value | readonly number[])[], attrs = node.attrs): Value {
  const make = op[node.op] as (...args: unknown[]) => Value;
  return make(...inputs, attrs);
}

function checkSinking(match: Match): string | null | undefined {
  const { node, x, y, producers, constants } = match;
  if (node.op === "Transpose") return producers[0]?.op === "Transpose" ? null : undefined;
  if (REDUCTIONS.has(node.op)) {
    if (producers[0]?.op !== "Transpose" || constants[1] === undefined) return undefined;
    if (movesSlices(producers[0])) return "whole slices are moved";
    return extents(y.shape) <= 1 || node.attrs.keepdims === 1 ? null : "several axes are left";
  }
  const turn = ELEMENTWISE.has(node.op) ? sinking(match) : undefined;
  if (turn === undefined) return undefined;
  if (movesSlices(turn)) return "whole slices are moved";
  return x.every((v, i) => isSame(producers[i], turn) || extents(v.shape) <= 1)
    ? null
    : "an operand has another layout";
}

export const SINK_TRANSPOSES: Pass = {
  name: "sink-transposes",
  check: checkSinking,
  kinds: [{
    name: "past arithmetic",
    includes: () => true,
    sample: channelNormSample([1, 64, 16 ** 3]),
  }],
  rewrite: (op, inputs, match) => {
    const { node, y, producers, constants } = match;
    if (node.op === "Transpose") {
      const first = permOf(producers[0]!), perm = permOf(node).map((k) => first[k]);
      return perm.every((k, i) => k === i) ? producers[0]!.x[0]! : op.Transpose(producers[0]!.x[0]!, { perm });
    }
    if (REDUCTIONS.has(node.op)) {
      const perm = permOf(producers[0]!), rank = perm.length;
      const axes = toNumbers(constants[1]!).map((k) => perm[k < 0 ? k + rank : k]);
      const reduced = again(op, match, [producers[0]!.x[0]!, axes]);
      return extents(y.shape) <= 1 ? op.Reshape(reduced, y.shape) : op.Transpose(reduced, { perm });
    }
    const turn = sinking(match)!;
    const operands = inputs.map((x, i) => above(op, x, { producer: producers[i], turn }));
    return op.Transpose(again(op, match, operands), { perm: permOf(turn) });
  },
};
