/** Optimizers as graph functions: one parameter, its gradient and state in, their next values out. */
import type { Ops, Value } from "../../graph/mod.ts";
import type { AdamConfig } from "../recipe/optimizer.ts";

/** Scalars that every parameter's update shares. */
export interface AdamScalars {
  readonly learningRate: Value;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  readonly correction1: Value;
  readonly correction2: Value;
}

/**
 * 1 − βᵗ for the update number t ≥ 1, written as 2·tanh(a/2)/(1 + tanh(a/2)) with a = −t·ln β, which loses no digits in
 * float32 where βᵗ is near one.
 */
function biasCorrection(op: Ops, step: Value, beta: number): Value {
  const t = op.Tanh(op.Mul(step, -Math.log(beta) / 2));
  return op.Div(op.Mul(t, 2), op.Add(t, 1));
}

/** The shared scalars from graph inputs `learningRate` and `step` (first update: 1). */
export function adamScalars(op: Ops, learningRate: Value, step: Value, config: AdamConfig): AdamScalars {
  return {
    learningRate,
    correction1: biasCorrection(op, step, config.beta1),
    correction2: biasCorrection(op, step, config.beta2),
  };
}

/** m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − lr·m̂/(√v̂ + ε), with weight decay as the kind says. */
export function adamUpdate(
  op: Ops,
  { p, g, m, v }: { p: Value; g: Value; m: Value; v: Value },
  { learningRate, correction1, correction2 }: AdamScalars,
  { kind, weightDecay, beta1, beta2, epsilon }: AdamConfig,
): { p: Value; m: Value; v: Value } {
  const grad = kind === "adam-l2" && weightDecay !== 0 ? op.Add(g, op.Mul(p, weightDecay)) : g;
  const m1 = op.Add(op.Mul(m, beta1), op.Mul(grad, 1 - beta1));
  const v1 = op.Add(op.Mul(v, beta2), op.Mul(op.Mul(grad, grad), 1 - beta2));
  const root = op.Add(op.Sqrt(op.Div(v1, correction2)), epsilon);
  const move = op.Mul(op.Div(m1, root), op.Div(learningRate, correction1));
  const start = kind === "adamw" && weightDecay !== 0 ? op.Mul(p, op.Sub(1, op.Mul(learningRate, weightDecay))) : p;
  return { p: op.Sub(start, move), m: m1, v: v1 };
}

/** Above every norm whose square float32 holds; neither infinity nor NaN is less. */
const FINITE = 1e30;

/** Added to norms by `torch.nn.utils.clip_grad_norm_`. */
const TORCH_EPSILON = 1e-6;

export interface Clipped {
  readonly gradient: Value;
  /** Of the gradient before; −1 where it is not finite. */
  readonly norm: Value;
  /** False: the update is to be skipped. */
  readonly isFinite: Value;
}

/** A gradient scaled to at most the Euclidean norm `most`, as PyTorch's `clip_grad_norm_` does. */
export function clipped(op: Ops, gradient: Value, most: number): Clipped {
  const norm = op.Sqrt(op.ReduceSum(op.Mul(gradient, gradient), null, { keepdims: 0 }));
  const isFinite = op.LessOrEqual(norm, FINITE);
  const factor = op.Min(op.Div(most, op.Add(norm, TORCH_EPSILON)), 1);
  return { gradient: op.Mul(gradient, factor), norm: op.Where(isFinite, norm, -1), isFinite };
}
