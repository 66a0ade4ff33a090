/** Intervals that keep their level with few values and whatever their distribution: of the next value, of a share. */

/** An interval that the next value lies in with at least this chance. */
export interface NextValue {
  readonly low: number;
  /** Infinity: the interval has a lower limit only. */
  readonly high: number;
  readonly level: number;
  readonly count: number;
}

/**
 * The interval of a further value from the same source, between two of the sorted values. One of `n` values that can be
 * exchanged has any rank with equal chance, so that it lies between the `r`-th least and the `r`-th greatest with a chance of
 * `(n + 1 − 2r) / (n + 1)` (Wilks 1941). Fewer values than the level needs give a lower limit only: the least value, which
 * the next one reaches with a chance of `n / (n + 1)`.
 * @returns null with fewer than two values
 */
export function nextValueInterval(
  values: readonly number[],
  { level = 0.8 }: { level?: number } = {},
): NextValue | null {
  const count = values.length;
  if (count < 2) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.floor((count + 1) * (1 - level) / 2 + 1e-9);
  if (rank < 1) return { low: sorted[0], high: Infinity, level: count / (count + 1), count };
  return { low: sorted[rank - 1], high: sorted[count - rank], level: (count + 1 - 2 * rank) / (count + 1), count };
}

/**
 * The interval of a share of which `hits` of `count` were seen (Clopper and Pearson 1934, `binomtest(…).proportion_ci("exact")` of
 * scipy).
 */
export function shareInterval(hits: number, count: number, { level = 0.95 }: { level?: number } = {}) {
  if (!(count >= 1 && hits >= 0 && hits <= count)) {
    throw new RangeError(`Cannot compute a share's interval: expected 0 to ${count} hits of at least one, got ${hits}`);
  }
  const tail = (1 - level) / 2;
  /** The share at which at least `k` hits have a chance of `chance`; the chance grows with the share. */
  const shareOf = (k: number, chance: number) => {
    let low = 0, high = 1;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (chanceOfAtLeast(k, count, middle) < chance) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return {
    low: hits === 0 ? 0 : shareOf(hits, tail),
    high: hits === count ? 1 : shareOf(hits + 1, 1 - tail),
    level,
  };
}

/** The chance of `k` or more hits of `n`, each with a chance of `share`. */
function chanceOfAtLeast(k: number, n: number, share: number): number {
  let sum = 0, logChoose = 0;
  for (let i = 0; i <= n; i++) {
    if (i > 0) logChoose += Math.log((n - i + 1) / i);
    if (i >= k) sum += Math.exp(logChoose + i * Math.log(share) + (n - i) * Math.log1p(-share));
  }
  return sum;
}
