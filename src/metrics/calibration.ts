/** Whether probabilities mean what they say: reliability, expected calibration error, Brier score. */

/** Counts of probabilities in equal bins of 0…1: bin `b` holds `b/n ≤ p < (b+1)/n`, the last one also 1. */
export interface ReliabilityCounts {
  readonly counts: ArrayLike<number>;
  /** Of these, the events that came true. */
  readonly events: ArrayLike<number>;
  /** Sum of the probabilities. */
  readonly sums: ArrayLike<number>;
}

/** Counts that grow. */
export interface Reliability extends ReliabilityCounts {
  readonly counts: Float64Array;
  readonly events: Float64Array;
  readonly sums: Float64Array;
}

export function reliability(bins: number): Reliability {
  return { counts: new Float64Array(bins), events: new Float64Array(bins), sums: new Float64Array(bins) };
}

/** Counts one probability. */
export function addProbability({ counts, events, sums }: Reliability, probability: number, isTrue: boolean): void {
  const bin = Math.min(Math.floor(probability * counts.length), counts.length - 1);
  counts[bin]++;
  sums[bin] += probability;
  if (isTrue) events[bin]++;
}

/** The sum of several counts with equal bins. */
export function joined(parts: readonly ReliabilityCounts[], bins: number): Reliability {
  const all = reliability(bins);
  for (const { counts, events, sums } of parts) {
    for (let b = 0; b < bins; b++) {
      all.counts[b] += counts[b];
      all.events[b] += events[b];
      all.sums[b] += sums[b];
    }
  }
  return all;
}

/**
 * Mean distance between probability and share of events, weighted by the bins' counts (Guo et al. 2017); NaN of nothing.
 * @param options.from the first bin that counts, so that a large sure background cannot hide errors; default 0
 */
export function calibrationError(
  { counts, events, sums }: ReliabilityCounts,
  { from = 0 }: { from?: number } = {},
): number {
  let error = 0, total = 0;
  for (let b = from; b < counts.length; b++) {
    error += Math.abs(sums[b] - events[b]);
    total += counts[b];
  }
  return error / total;
}

/** Mean over the cases of the squared distance between probabilities and the actual class, 0…2 (Brier 1950). */
export function brierScore(probabilities: readonly (readonly number[])[], actual: readonly number[]): number {
  if (probabilities.length !== actual.length || actual.length === 0) {
    throw new RangeError(
      "Cannot compute a Brier score: expected as many rows as cases, at least one, got " +
        `${probabilities.length} and ${actual.length}`,
    );
  }
  const rows = probabilities.map((row, i) => row.reduce((sum, p, c) => sum + (p - Number(c === actual[i])) ** 2, 0));
  return rows.reduce((sum, v) => sum + v, 0) / rows.length;
}
