/** Losses as graph functions: logits and targets in, a scalar out. Not metrics: those count voxels in `metrics/`. */
import type { Ops, Value } from "../../graph/mod.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";

/** Sums over every axis but the class axis 1: [N, C, …] → [C]. */
function perClass(op: Ops, v: Value): Value {
  return op.ReduceSum(v, v.shape.flatMap((_, k) => (k === 1 ? [] : [k])), { keepdims: 0 });
}

const sum = (op: Ops, v: Value): Value => op.ReduceSum(v, null, { keepdims: 0 });

/** Mean over every element, a scalar. */
const mean = (op: Ops, v: Value): Value => op.ReduceMean(v, null, { keepdims: 0 });

/**
 * Soft Dice of docs/method B.3 row 15, summed over classes: Σ_c 1 − (2Σps + 1)/(Σp² + Σs² + 1) over the whole batch,
 * p = sigmoid(logits). Shapes [N, C, X, Y, Z].
 */
export function softDice(op: Ops, logits: Value, target: Value): Value {
  return diceOf(op, op.Sigmoid(logits), target);
}

/** The soft Dice of probabilities. */
function diceOf(op: Ops, p: Value, target: Value): Value {
  const overlap = op.Add(op.Mul(perClass(op, op.Mul(p, target)), 2), 1);
  const mass = op.Add(op.Add(perClass(op, op.Mul(p, p)), perClass(op, op.Mul(target, target))), 1);
  return sum(op, op.Sub(1, op.Div(overlap, mass)));
}

/** Binary cross-entropy from logits, mean over voxels and summed over classes: Σ_c mean(softplus(x) − x·t). */
export function binaryCrossEntropy(op: Ops, logits: Value, target: Value): Value {
  const perVoxel = op.Sub(op.Softplus(logits), op.Mul(logits, target));
  return op.Mul(mean(op, perVoxel), logits.shape[1]);
}

/** (0.7·Σ_c dice_c + 0.3·Σ_c BCE_c)/C of docs/method B.3 row 14. */
export function diceAndCrossEntropy(op: Ops, logits: Value, target: Value): Value {
  const dice = op.Mul(softDice(op, logits, target), 0.7);
  const entropy = op.Mul(binaryCrossEntropy(op, logits, target), 0.3);
  return op.Div(op.Add(dice, entropy), logits.shape[1]);
}

/**
 * 0.7 of the labels' mean soft Dice and 0.3 of the cross-entropy, of labels that exclude each other: logits
 * [N, 1 + C, X, Y, Z] of the background and C labels, target [N, C, X, Y, Z]. Dice leaves out the background, as it does
 * everywhere here.
 */
export function exclusiveDiceAndCrossEntropy(op: Ops, logits: Value, target: Value): Value {
  const labels = target.shape[1], voxels = sizeOf(target.shape) / labels;
  const logP = op.LogSoftmax(logits, { axis: 1 });
  const [nothing, ofLabels] = [[0, 1], [1, labels + 1]].map(([from, to]) => op.Slice(logP, [from], [to], [1], [1]));
  // on a coarser grid than the file's, a voxel at a border may have both labels
  const background = op.Max(op.Sub(1, op.ReduceSum(target, [1], { keepdims: 1 })), 0);
  const agreed = op.Add(sum(op, op.Mul(nothing, background)), sum(op, op.Mul(ofLabels, target)));
  const dice = op.Div(op.Mul(diceOf(op, op.Exp(ofLabels), target), 0.7), labels);
  return op.Sub(dice, op.Mul(op.Div(agreed, voxels), 0.3));
}

/** Binary cross-entropy of logits [N, K] of classes that may hold beside each other, mean over all. */
export function independentCrossEntropy(op: Ops, logits: Value, target: Value): Value {
  return op.Div(binaryCrossEntropy(op, logits, target), logits.shape[1]);
}

/** Binary cross-entropy of one logit [N, 1] for the second of two classes, against one-hot targets [N, 2]. */
export function singleCrossEntropy(op: Ops, logit: Value, target: Value): Value {
  return binaryCrossEntropy(op, logit, op.Slice(target, [1], [2], [1], [1]));
}

/** Cross-entropy of logits [N, K] against one-hot targets [N, K], mean over the batch. */
export function crossEntropy(op: Ops, logits: Value, target: Value): Value {
  return op.Div(op.Neg(sum(op, op.Mul(op.LogSoftmax(logits, { axis: 1 }), target))), logits.shape[0]);
}

/** Mean squared difference. @throws {RangeError} when the numbers of elements differ */
export function meanSquaredError(op: Ops, a: Value, b: Value): Value {
  if (sizeOf(a.shape) !== sizeOf(b.shape)) {
    throw new RangeError(`Cannot compare: expected equal shapes, got [${a.shape}] and [${b.shape}]`);
  }
  const d = op.Sub(a, b);
  return mean(op, op.Mul(d, d));
}

/** Rows of a [N, …] tensor, flattened and scaled to unit length: [N, D]. */
function unitRows(op: Ops, v: Value): Value {
  const rows = op.Reshape(v, [v.shape[0], sizeOf(v.shape.slice(1))]);
  return op.Div(rows, op.Sqrt(op.ReduceSum(op.Mul(rows, rows), [1], { keepdims: 1 })));
}

/** Symmetric InfoNCE over a batch of positive pairs (docs/method B.2 row 6); features are flattened, T the temperature. */
export function symmetricContrast(op: Ops, a: Value, b: Value, { temperature }: { temperature: number }): Value {
  const n = a.shape[0];
  const cosine = op.MatMul(unitRows(op, a), op.Transpose(unitRows(op, b), { perm: [1, 0] }));
  const logits = op.Div(cosine, temperature);
  const diagonal = tensor(a.dtype, [n, n], Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)));
  const hits = (axis: number) => sum(op, op.Mul(op.LogSoftmax(logits, { axis }), diagonal));
  return op.Div(op.Add(hits(1), hits(0)), -2 * n);
}
