/** A pre-training from the user's wish to the candidate version. Not the training: that happens in a worker process. */
import type { ManifestDraft } from "../registry/mod.ts";
import type { PretrainResult } from "../train/mod.ts";
import { SOFTWARE } from "./software.ts";

/** Where a pre-trained encoder comes from, for its manifest. */
export interface PretrainingOrigin {
  /** What made it; the same job never makes a second version. */
  readonly job: string;
  readonly name: string;
  readonly datasetHash: string;
  readonly caseCount: number;
}

/** The manifest of the version that a pre-training made. */
export function pretrainingDraft(
  { spec, metrics, resolvedRecipe, provider }: PretrainResult,
  { job, name, datasetHash, caseCount }: PretrainingOrigin,
): ManifestDraft {
  const { seed } = resolvedRecipe;
  // A worker's answer came as JSON, so its values are JSON; the schema checks all of it when the package is written.
  return {
    ...spec as ManifestDraft,
    name,
    provenance: {
      datasetHash,
      job,
      recipe: resolvedRecipe as ManifestDraft["provenance"]["recipe"],
      seed: typeof seed === "number" ? seed : null,
      software: { ...SOFTWARE, provider },
      metrics: { ...metrics },
      createdAt: new Date().toISOString(),
      note: "",
    },
    licence: "",
    intendedUse:
      `An encoder pre-trained on ${caseCount} cases without labels: a start for fine-tuning, nothing to run ` +
      "by itself.",
  };
}
