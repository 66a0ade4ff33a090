/** Fine-tuning: a data set and a base version become a candidate version. Not the training itself. */
import { z } from "zod";
import type { Provider } from "../../engine/mod.ts";
import type { Readers } from "../../process/mod.ts";
import { type DatasetDetail, type Datasets, type DatasetTask, type Skip, skipSchema } from "../../datasets/mod.ts";
import { type Modality, templateFile } from "../../inference/mod.ts";
import { type ManifestDraft, type ModelVersion, type Registry, specOf } from "../../registry/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import {
  checkFinetune,
  DEFAULT_RECIPE,
  finetune as train,
  type FinetunePlan,
  type FinetuneRequest,
  type FinetuneResult,
  type LeftOut,
  type NetworkRequest,
  planInProcess,
  type Recipe,
  recipeSchema,
} from "../../train/mod.ts";
import { jobKind, type PlanContext, type Planned, type RunContext, type Warned } from "./kind.ts";
import {
  checkModelName,
  checkNamesake,
  checkUnchanged,
  makeCandidate,
  type Origin,
  provenanceOf,
  TRAINING,
} from "./training.ts";
import type { JobOutcome } from "../types.ts";

/** The wish for a fine-tune (`POST /v1/finetunes`). */
export interface FinetuneInput {
  /** Id of the data set. */
  readonly dataset: string;
  readonly base: { readonly model: string; readonly version?: number };
  /** Name of the model that gets a candidate version. */
  readonly name: string;
  /** Default: the default preset. */
  readonly recipe?: Recipe;
  /** Cases to leave out. Default: those that the data set excludes. */
  readonly skip?: Skip;
}

interface Stored {
  readonly dataset: string;
  readonly datasetHash: string;
  readonly base: { readonly model: string; readonly version: number };
  readonly name: string;
  readonly recipe: Recipe;
  readonly skip?: Skip;
  /** Absent in records of earlier versions, and where there are none. */
  readonly leftOut?: readonly LeftOut[];
}
const stored: z.ZodType<Stored> = z.object({
  dataset: z.string(),
  datasetHash: z.string(),
  base: z.object({ model: z.string(), version: z.int() }),
  name: z.string(),
  recipe: recipeSchema,
  skip: skipSchema.optional(),
  leftOut: z.array(z.object({ case: z.string(), reason: z.string() })).optional(),
});

type Params = Omit<FinetuneRequest, "engine" | "signal" | "onEvent">;
type Trained = FinetuneResult & Warned;

export const finetune = jobKind({
  ...TRAINING,
  input: stored,
  plan,
  run,
  async task(params: Params, { engine, signal, emit }): Promise<Trained> {
    const result = await train({ ...params, engine, signal, onEvent: emit });
    return { ...result, warnings: result.warnings ?? [] };
  },
});

/**
 * @throws {DomainError} `invalid-name`, `not-found`, `model-not-served`, `incomplete-dataset`, `wrong-task`
 * @throws {TrainingError} `invalid-recipe`
 */
async function plan(
  wish: FinetuneInput,
  { registry, datasets, readers, budget }: PlanContext,
): Promise<Planned<Stored>> {
  checkModelName(wish.name);
  const { detail, cases, leftOut } = await datasets.trainingCases(wish.dataset, wish);
  const base = await registry.resolve(wish.base.model, wish.base.version);
  await checkTasks(registry, { name: wish.name, base, task: detail.task });
  const recipe = wish.recipe ?? DEFAULT_RECIPE;
  await checkFinetune({
    request: networkRequest(detail, base),
    recipe,
    cases: cases.length,
    patients: new Set(cases.map(({ patient }) => patient)).size,
    baseHasTemplates: hasTemplates(base, detail.modalities),
    memoryBytes: budget.memoryBytes,
  }, readers);
  const { id: dataset, hash: datasetHash } = detail;
  const pinned = { model: base.name, version: base.version };
  const left = { skip: wish.skip, ...(leftOut.length > 0 && { leftOut }) };
  return { input: { dataset, datasetHash, base: pinned, name: wish.name, recipe, ...left }, dataset };
}

/**
 * The plan of a fine-tune that is not made: see {@link planInProcess}.
 * @throws as {@link plan}
 */
export async function finetunePlan(
  { dataset, base: wished, recipe = DEFAULT_RECIPE, skip }: Omit<FinetuneInput, "name">,
  { registry, datasets, provider, readers }: {
    readonly registry: Pick<Registry, "resolve">;
    readonly datasets: Pick<Datasets, "trainingCases">;
    readonly provider: Provider;
    /** Default: some of its own. */
    readonly readers?: Readers;
  },
): Promise<FinetunePlan> {
  const { detail, cases } = await datasets.trainingCases(dataset, { skip });
  const base = await registry.resolve(wished.model, wished.version);
  checkBaseTask(base, detail.task);
  return await planInProcess({
    request: networkRequest(detail, base),
    recipe,
    cases,
    baseHasTemplates: hasTemplates(base, detail.modalities),
    provider,
  }, readers);
}

/** Reports whether a base has a template of one of the modalities. */
export function hasTemplates({ manifest: { files } }: Pick<ModelVersion, "manifest">, modalities: readonly Modality[]) {
  return modalities.some((modality) => Object.hasOwn(files, templateFile(modality)));
}

/** The part of a fine-tune that decides its network. */
export function networkRequest(
  { task, modalities, labels, classes }: Pick<DatasetDetail, "task" | "modalities" | "labels" | "classes">,
  { name, version, directory, manifest }: Pick<ModelVersion, "name" | "version" | "directory" | "manifest">,
): NetworkRequest {
  return { task, modalities, labels, classes, base: { name, version, directory, spec: specOf(manifest) } };
}

/**
 * Checks that a base, a task and the name of the model to be made go together.
 * @throws {DomainError} `wrong-task`
 */
export async function checkTasks(
  registry: Pick<Registry, "list">,
  { name, base, task }: { name: string; base: Pick<ModelVersion, "manifest">; task: DatasetTask },
): Promise<void> {
  checkBaseTask(base, task);
  await checkNamesake(registry, { name, task, source: "the data set" });
}

function checkBaseTask({ manifest }: Pick<ModelVersion, "manifest">, task: DatasetTask): void {
  if (manifest.task === "encoder" || manifest.task === task) return;
  throw new DomainError(
    "wrong-task",
    `Cannot fine-tune: the base model is for ${manifest.task}, the data set for ${task}`,
  );
}

async function run(input: Stored, context: RunContext<Params, Trained>): Promise<JobOutcome<never>> {
  const { id, registry, datasets, paths, work } = context;
  const { outcome, version } = await makeCandidate(context, async () => {
    const { detail, cases, leftOut } = await datasets.trainingCases(input.dataset, input);
    checkUnchanged(detail, input, "fine-tune");
    const base = await registry.resolve(input.base.model, input.base.version);
    const trained = await work({
      ...networkRequest(detail, base),
      cases,
      recipe: input.recipe,
      leftOut,
      patients: detail.patients,
      workDirectory: paths.work,
      outputDirectory: paths.output,
    });
    const { name, datasetHash } = input;
    return candidateDraft(trained, { job: id, name, datasetHash, base, caseCount: cases.length });
  });
  const { metrics } = version.manifest.provenance;
  const plan = await planOf(registry, version);
  const result = { ...outcome.result, ...(plan && { plan }) };
  return { result, ...(Object.keys(metrics).length > 0 && { validation: metrics }) };
}

/**
 * The plan in a version's report, where a job finds it that was killed between its version and its end: as it was written,
 * by a version of this program that may have had other settings.
 */
async function planOf(
  registry: Pick<Registry, "reportFile">,
  { name, version }: Pick<ModelVersion, "name" | "version">,
): Promise<FinetunePlan | undefined> {
  const path = await registry.reportFile({ name, version, format: "json" });
  if (path === null) return undefined;
  return (JSON.parse(await Deno.readTextFile(path)) as { readonly plan?: FinetunePlan }).plan;
}

/** Where a fine-tuned candidate comes from. */
export interface CandidateOrigin extends Origin {
  readonly base: Pick<ModelVersion, "name" | "version" | "manifest">;
}

/** The manifest of the version that a fine-tune made. */
export function candidateDraft(
  { spec, validation, resolvedRecipe, provider, warnings }: FinetuneResult,
  { job, name, datasetHash, base, caseCount }: CandidateOrigin,
): ManifestDraft {
  const made = provenanceOf({ resolvedRecipe, provider, metrics: validation ?? {}, warnings }, { job, datasetHash });
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
