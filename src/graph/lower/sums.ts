/**
 * Sums over many elements. ONNX Runtime adds them in float32 one after the other, so that the error grows with their
 * number; sums of sums keep it near that of one addition.
 */
import type { Ops, Value } from "../ir/ir.ts";
import { applied } from "../ir/signatures.ts";
import { sizeOf, toNumbers } from "../../tensor/mod.ts";
import { pass } from "./pass.ts";

/** Most terms that one stage adds. */
export const MOST_TERMS = 64;
/** Sums of so many terms are left as they are: the mean of 16³ equal values errs by less than 4e-5 of it. */
const LARGE = 4096;

/** Factors of `count`, each of at most `MOST_TERMS` where its prime factors allow. */
export function stagesOf(count: number): number[] {
  const stages: number[] = [];
  let left = count;
  while (left > MOST_TERMS) {
    let factor = MOST_TERMS;
    while (left % factor !== 0) factor--;
    if (factor === 1) break;
    stages.unshift(factor);
    left /= factor;
  }
  return [left, ...stages];
}

/** The mean over the last `count` axes, one after the other, which are kept as 1. */
export function stagedMean(op: Ops, x: Value, count: number): Value {
  const rank = x.shape.length;
  return Array.from({ length: count }, (_, i) => rank - 1 - i)
    .reduce((v, axis) => op.ReduceMean(v, [axis], { keepdims: 1 }), x);
}

/** A sum or mean over many elements that lie together, as sums of sums. */
export const STAGED_SUMS = pass({
  name: "staged-sums",
  ops: ["ReduceMean", "ReduceSum", "GlobalAveragePool"],
  match: ({ node, x: [x], y, constants: [, listed] }) => {
    const rank = x.shape.length;
    const axes = node.op === "GlobalAveragePool"
      ? x.shape.map((_, k) => k).slice(2)
      : listed && toNumbers(listed).map((k) => k < 0 ? k + rank : k);
    const isFolded = (k: number) => axes === undefined || axes.length === 0 || axes.includes(k);
    let kept = rank;
    while (kept > 0 && isFolded(kept - 1)) kept--;
    const terms = sizeOf(x.shape.slice(kept));
    if (terms <= LARGE) return undefined;
    const others = x.shape.flatMap((_, k) => k < kept && isFolded(k) ? [k] : []);
    const name: "ReduceMean" | "ReduceSum" = node.op === "ReduceSum" ? "ReduceSum" : "ReduceMean";
    return { name, shape: [...x.shape.slice(0, kept), ...stagesOf(terms)], kept, others, target: y.shape };
  },
  rewrite: (op, [x], { name, shape, kept, others, target }) => {
    const fold = (v: Value, axes: readonly number[]) =>
      applied(op, name, { inputs: [v, axes], attrs: { keepdims: 0 } });
    let y = op.Reshape(x, shape);
    for (let axis = shape.length - 1; axis >= kept; axis--) y = fold(y, [axis]);
    return op.Reshape(others.length === 0 ? y : fold(y, others), target);
  },
});
