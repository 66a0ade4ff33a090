/** What a report and a plan say about an answer by several networks: its cost, and which figures are not of it. */
import type { Graph } from "../../graph/mod.ts";
import { inBytes } from "../../inference/mod.ts";
import { bytesOf } from "../../tensor/mod.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

/** What it costs to answer by `members` networks like `network`, as a sentence; none of one. */
export function ensembleCost({ constants }: Pick<Graph, "constants">, members: number): string[] {
  if (members === 1) return [];
  const bytes = [...constants.values()].reduce((sum, t) => sum + bytesOf(t), 0);
  return [
    `Ensemble: answers are by the mean logits of ${members} networks, ${
      members - 1
    } of folds and the final one. Each ` +
    `answer takes ${members} times the work of one, the package ${members} times ${inBytes(bytes)}.`,
  ];
}

/** Folds with less than this share of the final network's updates know notably less. */
const LOW_SHARE = 0.4;

/** Sentences about figures that are not the ensemble's. */
export function ensembleNotes({ steps, foldSteps }: Pick<ResolvedRecipe, "steps" | "foldSteps">, members: number) {
  if (members === 1) return [];
  const share = foldSteps / steps, percent = Math.round(100 * share);
  return [
    "The ensemble itself was not scored: each held-out patient was seen by its other networks. Figures of held-out " +
    "patients, and what follows from them (threshold, least sizes, expected quality), are of one fold's network each.",
    ...(share < LOW_SHARE
      ? [
        `The networks of folds had ${percent} % of the final network's updates and weigh as much as it, so that the mean ` +
        "may be worse than the final network alone; give folds more updates (foldSteps).",
      ]
      : []),
  ];
}
