/** A fine-tune from the user's wish to the candidate version. Not the training: that happens in a worker process. */
import { DomainError } from "../../storage/mod.ts";
import { type ManifestDraft, modelNameSchema, type ModelVersion, type Registry, specOf } from "../../registry/mod.ts";
import type { Provider } from "../../engine/mod.ts";
import { type Task, templateFile } from "../../inference/mod.ts";
import { DEFAULT_RECIPE, type FinetuneResult, resolveRecipe } from "../../train/mod.ts";
import type { Datasets, DatasetTask } from "../../datasets/mod.ts";
import type { JobFiles } from "../queue/files.ts";
import type { FinetuneJobInput } from "../queue/rows.ts";
import { type Origin, provenanceOf } from "./provenance.ts";
import type { RunOptions, TaskProcess } from "../worker/task_process.ts";
import type { Warned } from "../worker/task_types.ts";
import type { FinetuneInput, JobRecord, JobResult } from "../types.ts";

export interface FinetuneDeps {
  readonly registry: Registry;
  readonly datasets: Datasets;
  readonly files: JobFiles;
  readonly process: TaskProcess;
  readonly provider: Provider | "auto";
}

/**
 * Checks a wish and pins what it leaves open: base version, data-set hash.
 * @throws {DomainError} `invalid-name`, `not-found`, `model-not-served`, `incomplete-dataset`, `wrong-task`
 * @throws {TrainingError} `invalid-recipe`
 */
export async function planFinetune(
  input: FinetuneInput,
  { registry, datasets }: Pick<FinetuneDeps, "registry" | "datasets">,
): Promise<FinetuneJobInput> {
  checkModelName(input.name);
  const { detail, cases } = await datasets.trainingCases(input.dataset);
  const base = await registry.resolve(input.base.model, input.base.version);
  await checkTasks(registry, { name: input.name, base, task: detail.task });
  const recipe = input.recipe ?? DEFAULT_RECIPE;
  const { architecture, files } = base.manifest;
  resolveRecipe(recipe, {
    cases: cases.length,
    baseHasTemplates: detail.modalities.some((modality) => Object.hasOwn(files, templateFile(modality))),
    task: detail.task,
    network: architecture.kind,
  });
  return {
    dataset: detail.id,
    datasetHash: detail.hash,
    base: { model: base.name, version: base.version },
    name: input.name,
    recipe,
  };
}

/** @throws {DomainError} `invalid-name` */
export function checkModelName(name: string): void {
  if (modelNameSchema.safeParse(name).success) return;
  throw new DomainError(
    "invalid-name",
    "Cannot name the new model so: expected 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit",
  );
}

/**
 * Whether a base, a task and the name of the model to be made go together.
 * @throws {DomainError} `wrong-task`
 */
export async function checkTasks(
  registry: Pick<Registry, "list">,
  { name, base, task }: { name: string; base: Pick<ModelVersion, "manifest">; task: DatasetTask },
): Promise<void> {
  const baseTask = base.manifest.task;
  if (baseTask !== "encoder" && baseTask !== task) {
    throw new DomainError(
      "wrong-task",
      `Cannot fine-tune: the base model is for ${baseTask}, the data set for ${task}`,
    );
  }
  await checkNamesake(registry, { name, task, source: "the data set" });
}

/**
 * Whether a model may get a version for a task.
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

/** Trains (or goes on training) and writes the candidate, unless this job has written one before. */
export async function runFinetune(
  job: { readonly id: string; readonly input: FinetuneJobInput },
  deps: FinetuneDeps,
  options: Omit<RunOptions, "lock">,
): Promise<{ result: JobResult; validation?: JobRecord["validation"] }> {
  const { registry, datasets, files, process, provider } = deps;
  const { id, input } = job;
  const existing = await registry.madeBy(id);
  if (existing) return outcomeOf(existing);

  const { detail, cases } = await datasets.trainingCases(input.dataset);
  if (detail.hash !== input.datasetHash) {
    throw new DomainError("invalid-data", "Cannot fine-tune: the data set has changed since the job was made");
  }
  const base = await registry.resolve(input.base.model, input.base.version);
  await files.makeWorkshop(id);
  const trained = await process.run("finetune", {
    task: detail.task,
    cases,
    modalities: detail.modalities,
    labels: detail.labels,
    classes: detail.classes,
    base: { name: base.name, version: base.version, directory: base.directory, spec: specOf(base.manifest) },
    recipe: input.recipe,
    workDirectory: files.work(id),
    outputDirectory: files.output(id),
    provider,
  }, { ...options, lock: files.lock(id) });

  const { name, datasetHash } = input;
  const draft = candidateDraft(trained, { job: id, name, datasetHash, base, caseCount: cases.length });
  const candidate = await registry.addCandidate(draft, files.output(id));
  return outcomeOf(candidate, trained);
}

function outcomeOf(version: ModelVersion, trained?: Warned): {
  result: JobResult;
  validation?: JobRecord["validation"];
} {
  const { metrics } = version.manifest.provenance;
  return { result: trainingResult(version, trained), ...(Object.keys(metrics).length > 0 && { validation: metrics }) };
}

/** What the record of a training says of the version that it made. */
export function trainingResult({ name, version, manifest }: ModelVersion, trained?: Warned): JobResult {
  const { provider } = manifest.provenance.software;
  return { model: name, version, provider, ...(trained && { warnings: trained.warnings }) };
}

/** Where a fine-tuned candidate comes from. */
export interface CandidateOrigin extends Origin {
  readonly base: Pick<ModelVersion, "name" | "version" | "manifest">;
}

/** The manifest of the version that a fine-tune made. */
export function candidateDraft(
  { spec, validation, resolvedRecipe, provider }: FinetuneResult,
  { job, name, datasetHash, base, caseCount }: CandidateOrigin,
): ManifestDraft {
  const made = provenanceOf({ resolvedRecipe, provider, metrics: validation ?? {} }, { job, datasetHash });
  return {
    ...spec as ManifestDraft,
    name,
    provenance: { ...made, baseModel: base.name, baseVersion: base.version },
    licence: base.manifest.licence,
    intendedUse:
      `Fine-tuned from ${base.name} version ${base.version} on ${caseCount} cases of one site. To be validated there ` +
      "before it is used.",
  };
}
