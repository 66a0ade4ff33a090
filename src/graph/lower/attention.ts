/**
 * Attention in pieces. Its scores are the only value of a network that grows with the square of the number of voxels.
 */
import type { BuiltNode, Ops, Value } from "../ir/ir.ts";
import { bytesOf } from "../../tensor/mod.ts";
import { type Match, pass } from "./pass.ts";

/** The product of queries and keys whose softmax is the node's left factor. */
function scoresOf({ producers: [softmax], producerOf }: Match<"MatMul">): BuiltNode<"MatMul"> | undefined {
  if (softmax?.op !== "Softmax" || softmax.attrs.axis !== softmax.y.shape.length - 1) return undefined;
  const scores = producerOf(softmax.x[0]);
  return scores?.op === "MatMul" ? scores : undefined;
}

/** softmax(q·k)·v, `rows` rows of q at a time. */
function inPieces(op: Ops, [q, k, v]: readonly [Value, Value, Value], rows: number): Value {
  const axis = q.shape.length - 2, all = q.shape[axis];
  const parts: Value[] = [];
  for (let from = 0; from < all; from += rows) {
    const some = op.Slice(q, [from], [Math.min(from + rows, all)], [axis], [1]);
    parts.push(op.MatMul(op.Softmax(op.MatMul(some, k), { axis: axis + 1 }), v));
  }
  return op.Concat(...parts, { axis });
}

export const ATTENTION_PIECES = pass({
  name: "attention-pieces",
  ops: ["MatMul"],
  match: (match, { temporaryBytes }) => {
    const scores = scoresOf(match);
    if (scores === undefined) return undefined;
    if (match.usesOf(0) > 1) return "the weights are used again, for gradients";
    return bytesOf(scores.y) > temporaryBytes ? scores : "the scores fit";
  },
  rewrite: (op, [, v], { x: [q, k], y }, { temporaryBytes }) => {
    const all = y.shape[y.shape.length - 2];
    return inPieces(op, [q, k, v], Math.max(1, Math.floor(all * temporaryBytes / bytesOf(y))));
  },
});
