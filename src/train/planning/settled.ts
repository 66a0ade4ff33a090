/** The settings of a plan that no fact of the data decides, with their reasons: crops an update, intensities, statistics. */
import type { Preprocessing } from "../../inference/mod.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

type Settled = Pick<ResolvedRecipe, "batchSize" | "batch" | "batchNorm" | "norm" | "percentilesOver">;

/** One sentence a setting; the base may state how it normalises intensities. */
export function settledReasons(recipe: Settled, base: Pick<Preprocessing, "normalisation">): string[] {
  return [batchReason(recipe), intensityReason(recipe, base), statisticsReason(recipe)];
}

function batchReason({ batchSize, batch }: Settled): string {
  if (batchSize === 1) {
    return "Batch: 1 crop an update. Two take twice the time, and in equal time more updates of fewer voxels were as good " +
      "(docs/method B.3.3).";
  }
  return batch === "joint"
    ? `Batch: ${batchSize} crops an update at once: the statistics of a single crop take away what tells crops apart.`
    : `Batch: ${batchSize} crops an update, one after the other: their gradients are added, in the memory of one.`;
}

function intensityReason(
  { percentilesOver }: Settled,
  { normalisation }: Pick<Preprocessing, "normalisation">,
): string {
  if (normalisation !== undefined) return "Intensities: normalised as the base states, which was trained so.";
  return percentilesOver === "foreground"
    ? "Intensities: scaled by percentiles of the foreground, so that empty space around the head changes nothing."
    : "Intensities: scaled by percentiles of whole files, so that empty space around the head changes them.";
}

/** The figures are those of docs/finetuning.md, "Settings that were tried". */
function statisticsReason({ batchNorm, norm, batch }: Settled): string {
  const own = batch === "joint" ? "each update's crops" : "each crop";
  if (batchNorm === "frozen") {
    return "Normalisation: BatchNormalizations keep the base's statistics; those of a single crop are none of a batch.";
  }
  if (norm === "instance") return "Normalisation: by instance, of each crop and of each window, as was asked for.";
  const how = norm === "batch" ? "and running ones in answers" : "and, computed anew at the end, others in answers";
  return `Normalisation: BatchNormalizations take the statistics of ${own}, ${how}. By instance the Dice of hippocampi ` +
    "differed by at most a point (docs/finetuning.md).";
}
