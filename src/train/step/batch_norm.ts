/** BatchNormalization in training, in primitive operators (docs/method A.0). */
import type { Ops, Value } from "../../graph/mod.ts";
import { sizeOf } from "../../tensor/mod.ts";

/** PyTorch's share of the new batch in the running statistics. */
const MOMENTUM = 0.1;

/** The mean and variance that normalise: the batch's own, or the running ones as at inference. */
export type Statistics = "batch" | "running";

export interface BatchNormOptions {
  readonly epsilon: number;
  readonly statistics?: Statistics;
  /**
   * Each crop of the batch is normalised by its own statistics, as if it passed alone; the running ones take them in this
   * order. Absent: one set of statistics for the whole batch.
   */
  readonly apart?: readonly number[] | undefined;
  /** The share of the new batch in the running statistics. Default: PyTorch's. */
  readonly momentum?: Value | number | undefined;
}

/**
 * Normalises x [N, C, …] by its own mean and biased variance, or by the running statistics [C]; those move towards the
 * mean and the unbiased variance.
 */
export function batchNorm(
  op: Ops,
  { x, scale, bias, mean, variance }: { x: Value; scale: Value; bias: Value; mean: Value; variance: Value },
  { epsilon, statistics = "batch", apart, momentum = MOMENTUM }: BatchNormOptions,
): { y: Value; nextMean: Value; nextVariance: Value } {
  const [crops, channels, ...size] = x.shape;
  const axes = [...(apart === undefined ? [0] : []), ...size.map((_, k) => k + 2)];
  const n = sizeOf(size) * (apart === undefined ? crops : 1);
  const column = (v: Value) => op.Reshape(v, [1, channels, ...size.map(() => 1)]);
  const batchMean = op.ReduceMean(x, axes, { keepdims: 1 });
  const centred = op.Sub(x, batchMean);
  const batchVariance = op.ReduceMean(op.Mul(centred, centred), axes, { keepdims: 1 });
  const rest = typeof momentum === "number" ? 1 - momentum : op.Sub(1, momentum);
  const share = (factor: number) => typeof momentum === "number" ? momentum * factor : op.Mul(momentum, factor);
  const move = (running: Value, batch: Value, factor: number) =>
    op.Add(op.Mul(running, rest), op.Mul(op.Reshape(batch, [channels]), share(factor)));
  const unbiased = n / Math.max(n - 1, 1);
  const seen: { mean: Value; variance: Value }[] = [];
  let next = { mean, variance };
  for (const i of apart ?? [null]) {
    const of = (v: Value) => i === null ? v : op.Slice(v, [i], [i + 1], [0], [1]);
    seen[i ?? 0] = next;
    next = { mean: move(next.mean, of(batchMean), 1), variance: move(next.variance, of(batchVariance), unbiased) };
  }
  const columns = (running: readonly Value[]) =>
    running.length === 1 ? column(running[0]) : op.Concat(...running.map(column), { axis: 0 });
  const by = statistics === "batch" ? batchVariance : columns(seen.map((s) => s.variance));
  const slope = op.Div(column(scale), op.Sqrt(op.Add(by, epsilon)));
  const moved = statistics === "batch" ? centred : op.Sub(x, columns(seen.map((s) => s.mean)));
  return { y: op.Add(op.Mul(moved, slope), column(bias)), nextMean: next.mean, nextVariance: next.variance };
}
