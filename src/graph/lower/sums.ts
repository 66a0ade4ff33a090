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
  const kept = x.shape.slice(0, -count), stages = x.shape.slice(-count);
  return op.Reshape(staged(op, x, stages, "ReduceMean"), [...kept, ...stages.map(() => 1)]);
}

/**
 * A vector of the sums over the last axes, `stages`, one after the other. Each is of the rows of a matrix: OpenVINO
 * merges folds that follow each other into one.
 */
function staged(op: Ops, x: Value, stages: readonly number[], name: "ReduceMean" | "ReduceSum"): Value {
  return stages.toReversed().reduce((v, terms) => {
    const rows = op.Reshape(v, [sizeOf(v.shape) / terms, terms]);
    return applied(op, name, { inputs: [rows, [1]], attrs: { keepdims: 0 } });
  }, x);
}

/** Most terms along one axis of a sum: with a mean of 100 deviations, that of 96³ values errs by less than 1e-4 of one. */
const MOST_ALONG = 96;

/** Reports whether the axes of a volume are the stages of a sum over them: at least two, of so many terms at most. */
export const isByAxes = (shape: readonly number[], axes: readonly number[], most: number): boolean =>
  axes.length > 1 && axes.every((k) => shape[k] <= most);

/**
 * The mean over `axes`, one after the other, which are kept as 1: in whatever layout the volume lies. The products between
 * keep OpenVINO from merging the folds.
 */
export function meanByAxes(op: Ops, x: Value, axes: readonly number[]): Value {
  return axes.reduce((v, k) => op.Mul(op.ReduceSum(v, [k], { keepdims: 1 }), 1 / v.shape[k]), x);
}

/** A sum or mean over spatial axes of a volume, axis by axis. */
export const SUMS_BY_AXES = pass({
  name: "sums-by-axes",
  ops: ["ReduceMean", "ReduceSum", "GlobalAveragePool"],
  match: ({ node, x: [x], y, constants: [, listed] }) => {
    const rank = x.shape.length;
    if (rank < 4) return undefined;
    const axes = node.op === "GlobalAveragePool"
      ? x.shape.map((_, k) => k).slice(2)
      : (listed === undefined ? [] : toNumbers(listed)).map((k) => k < 0 ? k + rank : k).toSorted((a, b) => a - b);
    if (sizeOf(axes.map((k) => x.shape[k])) <= LARGE || !isByAxes(x.shape, axes, MOST_ALONG)) return undefined;
    return { axes, terms: node.op === "ReduceSum" ? sizeOf(axes.map((k) => x.shape[k])) : 1, target: y.shape };
  },
  rewrite: (op, [x], { axes, terms, target }) => {
    const mean = op.Reshape(meanByAxes(op, x, axes), target);
    return terms === 1 ? mean : op.Mul(mean, terms);
  },
});

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
    return { name, kept: x.shape.slice(0, kept), stages: stagesOf(terms), others, target: y.shape };
  },
  rewrite: (op, [x], { name, kept, stages, others, target }) => {
    const y = staged(op, x, stages, name);
    if (others.length === 0) return op.Reshape(y, target);
    const rest = op.Reshape(y, kept);
    return op.Reshape(applied(op, name, { inputs: [rest, others], attrs: { keepdims: 0 } }), target);
  },
});
