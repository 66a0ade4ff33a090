/** Shared by the kinds that train: checks of names and data, the candidate that a job makes once, its provenance. */
import project from "../../../deno.json" with { type: "json" };
import type { DatasetDetail } from "../../datasets/mod.ts";
import type { Task, Warning } from "../../inference/mod.ts";
import { type ManifestDraft, modelNameSchema, type ModelVersion, type Registry } from "../../registry/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import type { JobOutcome } from "../types.ts";
import type { RunContext } from "./kind.ts";

/** Traits of every kind that trains. */
export const TRAINING = {
  queue: "training",
  trains: true,
  files: ["report"],
  events: ["progress", "validation", "log"],
} as const;

/** @throws {DomainError} `invalid-name` */
export function checkModelName(name: string): void {
  if (modelNameSchema.safeParse(name).success) return;
  throw new DomainError(
    "invalid-name",
    "Cannot name the new model so: expected 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit",
  );
}

/**
 * Checks that a model may get a version for a task.
 * @throws {DomainError} `wrong-task`
 */
export async function checkNamesake(
  registry: Pick<Registry, "list">,
  { name, task, source }: { name: string; task: Task; source: string },
): Promise<void> {
  const namesake = (await registry.list()).find((m) => m.name === name);
  if (namesake && namesake.task !== task) {
    throw new DomainError(
      "wrong-task",
      `Cannot add a version to ${name}: it is for ${namesake.task}, ${source} for ${task}`,
    );
  }
}

/** @throws {DomainError} `invalid-data`: the data set is not the one that the job was made for */
export function checkUnchanged({ hash }: DatasetDetail, planned: { datasetHash: string }, verb: string): void {
  if (hash === planned.datasetHash) return;
  throw new DomainError("invalid-data", `Cannot ${verb}: the data set has changed since the job was made`);
}

/** Trains and writes the candidate, unless this job has written one before: a crash may have come between. */
export async function makeCandidate(
  { id, registry, paths }: Pick<RunContext<never, never>, "id" | "registry" | "paths">,
  train: () => Promise<ManifestDraft>,
): Promise<{ readonly outcome: JobOutcome<never>; readonly version: ModelVersion }> {
  const existing = await registry.madeBy(id);
  if (existing) return { outcome: outcomeOf(existing), version: existing };
  const version = await registry.addCandidate(await train(), paths.output);
  return { outcome: outcomeOf(version), version };
}

function outcomeOf({ name, version, manifest: { provenance } }: ModelVersion): JobOutcome<never> {
  const { software: { provider }, warnings = [] } = provenance;
  return { result: { model: name, version, provider, warnings } };
}

/** Programs that take part in a training. */
const SOFTWARE = {
  sulcus: project.version,
  deno: Deno.version.deno,
  onnxruntime: project.imports["onnxruntime-node"].split("@").at(-1)!,
};

/** Where a candidate comes from, for its manifest. */
export interface Origin {
  /** The job that made it; it never makes a second version. */
  readonly job: string;
  readonly name: string;
  readonly datasetHash: string;
  readonly caseCount: number;
}

interface Trained {
  readonly resolvedRecipe: Readonly<Record<string, unknown>>;
  readonly provider: string;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly warnings?: readonly Warning[] | undefined;
}

type Provenance = ManifestDraft["provenance"];

/** The provenance in a candidate's manifest. The worker replied in JSON, so the recipe's values are JSON; the schema checks them. */
export function provenanceOf(
  { resolvedRecipe, provider, metrics, warnings = [] }: Trained,
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
    ...(warnings.length > 0 && { warnings: [...warnings] }),
    createdAt: new Date().toISOString(),
    note: "",
  };
}
