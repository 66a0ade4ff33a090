/** A pre-training from the user's wish to the candidate version. Not the training: that happens in a worker process. */
import { DomainError } from "../../storage/mod.ts";
import { type ManifestDraft } from "../../registry/mod.ts";
import { DEFAULT_PRETRAINING, type PretrainResult, resolvePretraining } from "../../train/mod.ts";
import { checkModelName, checkNamesake, type FinetuneDeps, trainingResult } from "./finetune.ts";
import type { PretrainingJobInput } from "../queue/rows.ts";
import { type Origin, provenanceOf } from "./provenance.ts";
import type { RunOptions } from "../worker/task_process.ts";
import type { JobResult, PretrainingInput } from "../types.ts";

/**
 * Checks a wish and pins what it leaves open: the data set's hash, the preset.
 * @throws {DomainError} `invalid-name`, `not-found`, `incomplete-dataset`, `wrong-task`
 * @throws {TrainingError} `invalid-recipe`
 */
export async function planPretraining(
  { dataset, name, recipe = DEFAULT_PRETRAINING }: PretrainingInput,
  { registry, datasets }: Pick<FinetuneDeps, "registry" | "datasets">,
): Promise<PretrainingJobInput> {
  checkModelName(name);
  const { detail, cases } = await datasets.pretrainingCases(dataset);
  await checkNamesake(registry, { name, task: "encoder", source: "this training" });
  resolvePretraining(recipe, cases.length);
  return { dataset: detail.id, datasetHash: detail.hash, name, recipe };
}

/** Trains (or goes on training) and writes the candidate, unless this job has written one before. */
export async function runPretraining(
  { id, input }: { readonly id: string; readonly input: PretrainingJobInput },
  { registry, datasets, files, process, provider }: FinetuneDeps,
  options: Omit<RunOptions, "lock">,
): Promise<{ result: JobResult }> {
  const existing = await registry.madeBy(id);
  if (existing) return { result: trainingResult(existing) };
  const { dataset, datasetHash, name, recipe } = input;
  const { detail, cases } = await datasets.pretrainingCases(dataset);
  if (detail.hash !== datasetHash) {
    throw new DomainError("invalid-data", "Cannot pre-train: the data set has changed since the job was made");
  }
  await files.makeWorkshop(id);
  const trained = await process.run("pretrain", {
    cases,
    recipe,
    workDirectory: files.work(id),
    outputDirectory: files.output(id),
    provider,
  }, { ...options, lock: files.lock(id) });
  const draft = pretrainingDraft(trained, { job: id, name, datasetHash, caseCount: cases.length });
  return { result: trainingResult(await registry.addCandidate(draft, files.output(id)), trained) };
}

/** The manifest of the version that a pre-training made. */
export function pretrainingDraft(
  { spec, metrics, resolvedRecipe, provider }: PretrainResult,
  { job, name, datasetHash, caseCount }: Origin,
): ManifestDraft {
  return {
    ...spec as ManifestDraft,
    name,
    provenance: provenanceOf({ resolvedRecipe, provider, metrics }, { job, datasetHash }),
    licence: "",
    intendedUse:
      `An encoder pre-trained on ${caseCount} cases without labels: a start for fine-tuning, nothing to run ` +
      "by itself.",
  };
}
