/** How uncertain a voxel's probabilities are: the entropy of what it may be, as a share of the greatest there could be. */

/** Σ −p·log₂ p of two outcomes, 0…1 bit. */
export function binaryEntropy(p: number): number {
  if (!(p > 0 && p < 1)) return 0;
  return -(p * Math.log2(p) + (1 - p) * Math.log2(1 - p));
}

/**
 * The uncertainty of a voxel, 0…1, from the probabilities of its labels. Labels that exclude each other: the entropy of the
 * labels and the background together, over log₂ of their number. Others: the entropy of the most uncertain one.
 */
export function uncertaintyOf(probabilities: ArrayLike<number>, { exclusive }: { exclusive: boolean }): number {
  let rest = 1, sum = 0, most = 0;
  for (let c = 0; c < probabilities.length; c++) {
    const p = probabilities[c];
    if (!exclusive) most = Math.max(most, binaryEntropy(p));
    else if (p > 0) sum -= p * Math.log2(p);
    rest -= p;
  }
  if (!exclusive) return most;
  if (rest > 0) sum -= rest * Math.log2(rest);
  return Math.min(1, Math.max(0, sum / Math.log2(probabilities.length + 1)));
}
