/** BatchNormalization in training, in primitive operators (METHODS.md A.0). */
import type { Ops, Value } from "../graph/mod.ts";
import { sizeOf } from "../graph/mod.ts";

/** PyTorch's momentum: the share of the new batch in the running statistics. */
const MOMENTUM = 0.1;

/** Whose mean and variance normalise: the batch's own, or the running ones, as at inference. */
export type Statistics = "batch" | "running";

/**
 * Normalises x [N, C, …] by its own mean and biased variance, or by the running statistics [C]; those move towards the
 * mean and the unbiased variance.
 */
export function batchNorm(
  op: Ops,
  { x, scale, bias, mean, variance }: { x: Value; scale: Value; bias: Value; mean: Value; variance: Value },
  { epsilon, statistics = "batch" }: { epsilon: number; statistics?: Statistics },
): { y: Value; nextMean: Value; nextVariance: Value } {
  const channels = x.shape[1];
  const axes = x.shape.flatMap((_, k) => (k === 1 ? [] : [k]));
  const n = sizeOf(x.shape) / channels;
  const column = (v: Value) => op.Reshape(v, [1, channels, ...axes.slice(1).map(() => 1)]);
  const batchMean = op.ReduceMean(x, axes, { keepdims: 1 });
  const centred = op.Sub(x, batchMean);
  const batchVariance = op.ReduceMean(op.Mul(centred, centred), axes, { keepdims: 1 });
  const by = statistics === "batch" ? batchVariance : column(variance);
  const slope = op.Div(column(scale), op.Sqrt(op.Add(by, epsilon)));
  const move = (running: Value, batch: Value, factor: number) =>
    op.Add(op.Mul(running, 1 - MOMENTUM), op.Mul(op.Reshape(batch, [channels]), MOMENTUM * factor));
  return {
    y: op.Add(op.Mul(statistics === "batch" ? centred : op.Sub(x, column(mean)), slope), column(bias)),
    nextMean: move(mean, batchMean, 1),
    nextVariance: move(variance, batchVariance, n / Math.max(n - 1, 1)),
  };
}
