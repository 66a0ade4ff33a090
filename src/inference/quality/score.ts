/** Scores of an answer from its sums: 0, nothing of it is to be believed, to 1, the network is sure of every voxel. */
import type { LabelSums } from "./tally.ts";

/** Share of the agreement of passes: probabilities follow the Dice better than it does (docs/quality.md). */
const OF_AGREEMENT = 0.3;

/**
 * The overlap that a label's mask has with its probabilities: 2·Σ p·m / (Σ p + Σ m), its expected Dice if the probabilities
 * are true. With further passes, a part of it is the Dice between the answer and each pass.
 * Null where no voxel was found: then nothing says whether there should be one.
 */
export function labelScore({ probable, probableInside, voxels, passes }: LabelSums): number | null {
  if (voxels === 0) return null;
  const own = 2 * probableInside / (probable + voxels);
  if (passes.length === 0) return own;
  const agreement = passes.reduce((sum, pass) => sum + 2 * pass.shared / (pass.voxels + voxels), 0) / passes.length;
  return (1 - OF_AGREEMENT) * own + OF_AGREEMENT * agreement;
}

/** The mean over the labels that were found, times a factor for the whole case; null where none was. */
export function caseScore(scores: readonly (number | null)[], factor: number): number | null {
  const known = scores.filter((s) => s !== null);
  return known.length === 0 ? null : factor * known.reduce((a, b) => a + b, 0) / known.length;
}
