/** Where a trained candidate comes from, as its manifest tells it. */
import project from "../../../deno.json" with { type: "json" };
import type { ManifestDraft } from "../../registry/mod.ts";

/** Programs that take part in a training. */
const SOFTWARE = {
  sulcus: project.version,
  deno: Deno.version.deno,
  onnxruntime: project.imports["onnxruntime-node"].split("@").at(-1)!,
};

/** Where a candidate comes from, for its manifest. */
export interface Origin {
  /** What made it; the same job never makes a second version. */
  readonly job: string;
  readonly name: string;
  readonly datasetHash: string;
  readonly caseCount: number;
}

interface Trained {
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  readonly provider: string;
  readonly metrics: Readonly<Record<string, number | null>>;
}

type Provenance = ManifestDraft["provenance"];

/** A training's part of the manifest. The worker's answer came as JSON, so its values are JSON; the schema checks them. */
export function provenanceOf(
  { resolvedRecipe, provider, metrics }: Trained,
  { job, datasetHash }: Pick<Origin, "job" | "datasetHash">,
): Provenance {
  const { seed } = resolvedRecipe;
  return {
    datasetHash,
    job,
    recipe: resolvedRecipe as Provenance["recipe"],
    seed: typeof seed === "number" ? seed : null,
    software: { ...SOFTWARE, provider },
    metrics: { ...metrics },
    createdAt: new Date().toISOString(),
    note: "",
  };
}
