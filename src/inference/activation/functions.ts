/** Activations: how a network's logits are read as probabilities. */

/** The probability of a label that may hold beside others: each has a logit of its own. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/**
 * The logit at which `sigmoid()` reaches a threshold: logits are compared without taking their exponentials.
 * @throws {RangeError} the threshold is not between 0 and 1
 */
export function cutOf(threshold: number): number {
  if (!(threshold > 0 && threshold < 1)) {
    throw new RangeError(`Cannot restore a mask: expected a threshold between 0 and 1, got ${threshold}`);
  }
  return Math.log(threshold / (1 - threshold));
}

/** The probabilities of classes that exclude each other. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits), top = Math.max(...values);
  const powers = values.map((v) => Math.exp(v - top)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** The same for a voxel: `into` receives all but that of the first class, the background; −Infinity alone is background. */
export function softmaxOf(logits: Float32Array, into: Float32Array): void {
  let top = -Infinity, sum = 0;
  for (const v of logits) if (v > top) top = v;
  if (top === -Infinity) return void into.fill(0);
  for (const v of logits) sum += Math.exp(v - top);
  for (let c = 0; c < into.length; c++) into[c] = Math.exp(logits[c + 1] - top) / sum;
}
