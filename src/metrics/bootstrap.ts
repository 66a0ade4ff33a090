/**
 * Intervals of a mean by the percentile bootstrap (Efron 1979; scipy.stats.bootstrap with `method="percentile"`). The
 * draws depend on the seed only. With fewer than about ten values these intervals are too narrow.
 */
import { Random } from "../tensor/mod.ts";
import { mean, quantile } from "./_numbers.ts";

export interface BootstrapOptions {
  /** Default 0. */
  readonly seed?: number | string;
  /** Share of the resampled means inside the interval; default 0.95. */
  readonly level?: number;
  /** Default 10,000. */
  readonly resamples?: number;
}

export interface Interval {
  /** Of the values themselves. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/** The mean difference `a − b` of pairs, and how often each side is the greater. */
export interface PairedInterval extends Interval {
  readonly pairs: number;
  readonly better: number;
  readonly worse: number;
}

/**
 * The mean of at least two finite values and the interval of the means of their resamples.
 * @throws {RangeError} fewer than two values, one that is not finite, or a level outside 0…1
 */
export function bootstrapInterval(
  values: readonly number[],
  { seed = 0, level = 0.95, resamples = 10_000 }: BootstrapOptions = {},
): Interval {
  if (values.length < 2 || !values.every(Number.isFinite)) {
    throw new RangeError(
      `Cannot compute a bootstrap interval: expected at least two finite values, got ${values.length}: ${
        values.slice(0, 5).join(", ")
      }`,
    );
  }
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`Cannot compute a bootstrap interval: expected a level between 0 and 1, got ${level}`);
  }
  const random = new Random(seed);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[random.integer(values.length)];
    return sum / values.length;
  }).sort();
  const tail = (1 - level) / 2;
  return { mean: mean(values), low: quantile(means, tail), high: quantile(means, 1 - tail), level };
}

/**
 * The mean of `a[i] − b[i]` with its bootstrap interval: pairs, for example patients, are resampled as a whole.
 * @throws {RangeError} lists of different length, and as {@link bootstrapInterval}
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions = {},
): PairedInterval {
  if (a.length !== b.length) {
    throw new RangeError(`Cannot compare pairs: expected lists of one length, got ${a.length} and ${b.length}`);
  }
  const differences = a.map((v, i) => v - b[i]);
  return {
    ...bootstrapInterval(differences, options),
    pairs: differences.length,
    better: differences.filter((d) => d > 0).length,
    worse: differences.filter((d) => d < 0).length,
  };
}
