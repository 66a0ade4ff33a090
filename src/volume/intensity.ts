/** Percentiles of large arrays and the intensity mapping made from them (docs/method D.2). */

/** Float32 bits as an integer whose unsigned order is the order of the numbers; its own inverse up to the sign bit. */
function sortKey(bits: number): number {
  return bits < 0 ? ~bits : bits | 0x80000000;
}

function keyToFloat(key: number): number {
  return new Float32Array(Int32Array.of(key < 0 ? key & 0x7fffffff : ~key).buffer)[0];
}

/** Counters for one half of a key. */
const HALF = 1 << 16;

/** The values at these ranks (0 = smallest) of finite data: radix selection over 16 + 16 bits, no sort and no copy. */
function orderStatistics(data: Float32Array, ranks: readonly number[]): number[] {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  const coarse = new Uint32Array(HALF);
  for (let i = 0; i < bits.length; i++) coarse[sortKey(bits[i]) >>> 16]++;
  const places = ranks.map((rank) => locate(coarse, 0, rank));

  const buckets = [...new Set(places.map((p) => p.bucket))];
  const slotOf = new Int32Array(HALF).fill(-1);
  buckets.forEach((bucket, slot) => slotOf[bucket] = slot);
  const fine = new Uint32Array(buckets.length * HALF);
  for (let i = 0; i < bits.length; i++) {
    const key = sortKey(bits[i]);
    const slot = slotOf[key >>> 16];
    if (slot >= 0) fine[slot * HALF + (key & 0xffff)]++;
  }
  return places.map(({ bucket, rank }) => {
    const low = locate(fine, slotOf[bucket] * HALF, rank).bucket;
    return keyToFloat(bucket << 16 | low);
  });
}

/** The bucket of `counts` from `base` on that holds a rank, and the rank inside that bucket. */
function locate(counts: Uint32Array, base: number, rank: number): { bucket: number; rank: number } {
  let bucket = 0;
  let below = 0;
  while (below + counts[base + bucket] <= rank) below += counts[base + bucket++];
  return { bucket, rank: rank - below };
}

/**
 * Percentiles with linear interpolation between the two nearest values (numpy's and torch's default).
 * @param qs percentages 0…100
 * @throws {RangeError} when there are no values or a percentage is out of range
 */
export function percentiles(data: Float32Array, qs: readonly number[]): number[] {
  if (data.length === 0) throw new RangeError("Cannot take percentiles: expected at least one value, got none");
  const bad = qs.find((q) => !(q >= 0 && q <= 100));
  if (bad !== undefined) throw new RangeError(`Cannot take percentiles: expected 0 to 100, got ${bad}`);
  const places = qs.map((q) => q / 100 * (data.length - 1));
  const values = orderStatistics(data, places.flatMap((r) => [Math.floor(r), Math.ceil(r)]));
  return places.map((r, i) => {
    const [low, high] = [values[2 * i], values[2 * i + 1]];
    return low + (high - low) * (r - Math.floor(r));
  });
}

/**
 * Maps `low` to 0 and `high` to 1; `clip` limits the result to that range. Where the two are equal: `x − low`, without a
 * clip, as MONAI does. Computed in float64.
 */
export function scaleIntensity(
  data: Float32Array,
  { low, high, clip }: { low: number; high: number; clip: boolean },
): Float32Array {
  const out = new Float32Array(data.length);
  const span = high - low;
  if (span === 0) {
    for (let i = 0; i < data.length; i++) out[i] = data[i] - low;
  } else if (clip) {
    for (let i = 0; i < data.length; i++) out[i] = Math.min(Math.max((data[i] - low) / span, 0), 1);
  } else {
    for (let i = 0; i < data.length; i++) out[i] = (data[i] - low) / span;
  }
  return out;
}

/** Maps a channel's percentiles to 0 and 1 (ScaleIntensityRangePercentiles); they are taken over `over`, default all. */
export function scaleIntensityPercentiles(
  data: Float32Array,
  { lower, upper, clip, over = data }: { lower: number; upper: number; clip: boolean; over?: Float32Array },
): Float32Array {
  const [low, high] = percentiles(over, [lower, upper]);
  return scaleIntensity(data, { low, high, clip });
}
