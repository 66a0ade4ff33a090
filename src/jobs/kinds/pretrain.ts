/** Pre-training: a data set, labelled or not, becomes a candidate encoder. Not the training itself. */
import { z } from "zod";
import type { ManifestDraft } from "../../registry/mod.ts";
import {
  DEFAULT_PRETRAINING,
  pretrain as train,
  type PretrainingRecipe,
  pretrainingRecipeSchema,
  type PretrainRequest,
  type PretrainResult,
  resolvePretraining,
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

/** The wish for a pre-training (`POST /v1/pretrainings`). */
export interface PretrainingInput {
  /** Id of the data set. Its labels are not read, and its cases may lack modalities. */
  readonly dataset: string;
  /** Name of the encoder that gets a candidate version. */
  readonly name: string;
  /** Default: the default preset. */
  readonly recipe?: PretrainingRecipe;
}

interface Stored {
  readonly dataset: string;
  readonly datasetHash: string;
  readonly name: string;
  readonly recipe: PretrainingRecipe;
}
const stored: z.ZodType<Stored> = z.object({
  dataset: z.string(),
  datasetHash: z.string(),
  name: z.string(),
  recipe: pretrainingRecipeSchema,
});

type Params = Omit<PretrainRequest, "engine" | "signal" | "onEvent">;
type Trained = PretrainResult & Warned;

export const pretrain = jobKind({
  ...TRAINING,
  input: stored,
  plan,
  run,
  async task(params: Params, { engine, signal, emit }): Promise<Trained> {
    return { ...await train({ ...params, engine, signal, onEvent: emit }), warnings: [] };
  },
});

/**
 * @throws {DomainError} `invalid-name`, `not-found`, `incomplete-dataset`, `wrong-task`
 * @throws {TrainingError} `invalid-recipe`
 */
async function plan(
  { dataset, name, recipe = DEFAULT_PRETRAINING }: PretrainingInput,
  { registry, datasets, budget }: PlanContext,
): Promise<Planned<Stored>> {
  checkModelName(name);
  const { detail, cases } = await datasets.pretrainingCases(dataset);
  await checkNamesake(registry, { name, task: "encoder", source: "this training" });
  resolvePretraining(recipe, cases.length, budget.memoryBytes);
  return { input: { dataset: detail.id, datasetHash: detail.hash, name, recipe }, dataset: detail.id };
}

async function run(input: Stored, context: RunContext<Params, Trained>): Promise<JobOutcome<never>> {
  const { id, datasets, paths, work } = context;
  const { outcome } = await makeCandidate(context, async () => {
    const { dataset, datasetHash, name, recipe } = input;
    const { detail, cases } = await datasets.pretrainingCases(dataset);
    checkUnchanged(detail, input, "pre-train");
    const trained = await work({ cases, recipe, workDirectory: paths.work, outputDirectory: paths.output });
    return pretrainingDraft(trained, { job: id, name, datasetHash, caseCount: cases.length });
  });
  return outcome;
}

/** The manifest of the version that a pre-training made. */
export function pretrainingDraft(
  { spec, metrics, resolvedRecipe, provider, warnings }: PretrainResult & Partial<Warned>,
  { job, name, datasetHash, caseCount }: Origin,
): ManifestDraft {
  return {
    ...spec as ManifestDraft,
    name,
    provenance: provenanceOf({ resolvedRecipe, provider, metrics, warnings }, { job, datasetHash }),
    licence: "",
    intendedUse:
      `An encoder pre-trained on ${caseCount} cases without labels: a start for fine-tuning, nothing to run ` +
      "by itself.",
  };
}
