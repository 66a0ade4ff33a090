/** Means, deviations and quantiles of plain numbers. */

export const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Deviation of the sample, divided by `n − 1`. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1));
}

/** Quantile of sorted values by linear interpolation at rank `q·(n − 1)` (numpy's default). */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const rank = q * (sorted.length - 1), low = Math.floor(rank);
  return sorted[low] + (rank - low) * (sorted[Math.ceil(rank)] - sorted[low]);
}
