/** Schemas of what clients send. Unknown fields are refused everywhere. */
import { z } from "zod";
import { PROVIDERS } from "../../engine/mod.ts";
import { datasetSpecSchema } from "../../datasets/mod.ts";
import { type FinetuneInput, JOB_KINDS, JOB_STATES, type PretrainingInput } from "../../jobs/mod.ts";
import { modelNameSchema, versionSchema } from "../../registry/mod.ts";
import { PRETRAINING_KINDS } from "../../nets/mod.ts";
import { PRETRAINING_PRESETS } from "../../train/mod.ts";
import { named } from "./named.ts";

const providerSchema = z.enum(["auto", ...PROVIDERS]);

export const decisionSchema = named(
  "Decision",
  z.strictObject({
    approvedBy: z.string().trim().min(1).max(200).describe("Who decides, for the audit trail."),
    note: z.string().max(10_000).optional(),
  }),
);

export const inferenceOptionsSchema = named(
  "InferenceOptions",
  z.strictObject({
    version: versionSchema.optional().describe("Default: the served version."),
    provider: providerSchema.optional().describe("Default: the server's."),
    missing: z.enum(["error", "template"]).optional().describe(
      "What to do about a modality that is not sent: refuse (default) or let the model's template stand in.",
    ),
  }),
);

export const outputSchema = z.enum(["labels", "regions", "probabilities"]);

export const datasetRequestSchema = named("DatasetRequest", datasetSpecSchema);

export const caseClassSchema = named(
  "CaseClass",
  z.strictObject({
    class: z.string().min(1).max(100),
    patient: z.string().min(1).max(200).optional().describe("Cases of one patient are validated together."),
  }),
);

const roiEdge = z.int().min(16).max(256).multipleOf(16);

export const recipeSchema = named(
  "Recipe",
  z.strictObject({
    preset: z.enum(["edge", "paper", "official"]).default("edge"),
    steps: z.int().min(1).max(1_000_000).optional(),
    roi: z.tuple([roiEdge, roiEdge, roiEdge]).optional().describe("Size of a training crop, voxels."),
    batchSize: z.int().min(1).max(64).optional(),
    learningRate: z.number().positive().max(1).optional(),
    templates: z.boolean().optional().describe("Replace modalities by the base's templates. Default: if it has them."),
    seed: z.int().min(0).optional(),
    validation: z.union([
      z.enum(["auto", "none"]),
      z.strictObject({ folds: z.int().min(2).max(1000) }),
    ]).optional().describe("By patient: leave-one-out for 2 to 10, folds above. Default: auto."),
    earlyStopSteps: z.int().min(1).max(1_000_000).optional(),
    compareFromScratch: z.boolean().optional().describe("Also train a twin from fresh weights and report both."),
  }),
);

export const finetuneSchema = named(
  "FinetuneRequest",
  z.strictObject({
    dataset: z.string().min(1).max(100).describe("Id of the data set."),
    base: z.strictObject({
      model: z.string().min(1).max(100),
      version: versionSchema.optional().describe("Default: the served version."),
    }),
    name: modelNameSchema.describe("Name of the model that gets a candidate version."),
    recipe: recipeSchema.optional(),
  }),
) satisfies z.ZodType<FinetuneInput>;

const epoch = z.int().min(0).max(1_000_000_000);
const positive = z.number().positive();
const triple = <T extends z.ZodType>(of: T) => z.tuple([of, of, of]);

/** Every setting of a pre-training; what is absent comes from the preset. How they go together is checked with the data. */
export const pretrainingRecipeSchema = named(
  "PretrainingRecipe",
  z.strictObject({
    preset: z.enum(PRETRAINING_PRESETS).default("edge"),
    network: z.strictObject({
      kind: z.enum(PRETRAINING_KINDS).optional(),
      config: z.record(z.string(), z.union([z.number(), z.array(z.number()).max(4)])).optional(),
    }).optional().describe("The encoder's kind, widths, depths and so on; one channel."),
    epochs: epoch.min(1).optional(),
    steps: z.int().min(1).max(10_000_000).optional().describe("Updates; overrules epochs."),
    seed: z.int().min(0).optional(),
    roi: triple(roiEdge).optional().describe("Size of a patch, voxels."),
    spacingMm: triple(positive.max(20)).optional(),
    percentiles: z.strictObject({ lower: z.number().optional(), upper: z.number().optional() }).optional(),
    batch: z.strictObject({
      size: z.int().min(1).max(64).optional(),
      replicas: z.int().min(1).max(1024).optional(),
      accumulation: z.int().min(1).max(1024).optional(),
      updates: z.enum(["whole", "early"]).optional(),
    }).optional(),
    learningRate: positive.max(1).optional(),
    schedulerStep: z.enum(["optimizer", "micro"]).optional(),
    optimizer: z.strictObject({
      kind: z.enum(["adamw", "adam-l2"]).optional(),
      weightDecay: z.number().min(0).max(1).optional(),
      beta1: z.number().min(0).lt(1).optional(),
      beta2: z.number().min(0).lt(1).optional(),
      epsilon: positive.max(1).optional(),
    }).optional(),
    weights: z.strictObject({
      md: z.number().min(0).optional(),
      cmr: z.number().min(0).optional(),
      contrast: z.number().min(0).optional(),
    }).optional().describe("Of distillation, cross-modal reconstruction and contrast."),
    temperature: positive.optional(),
    crossModalFromEpoch: epoch.optional(),
    contrastFromEpoch: epoch.optional(),
    mask: z.strictObject({ rate: z.number().gt(0).lt(1).optional(), blockVox: z.int().min(1).max(64).optional() })
      .optional(),
    modalitySampling: z.enum(["perSample", "perBatchIndex"]).optional(),
    modalitiesPerCase: z.int().min(1).max(64).nullable().optional(),
    maxCases: z.int().min(1).nullable().optional(),
    templates: z.strictObject({
      sizeVox: triple(z.int().min(16).max(512)).optional(),
      spacingMm: triple(positive.max(20)).optional(),
      start: z.enum(["zero", "mean"]).optional(),
      epsilon: positive.max(1).optional(),
      others: z.enum(["zeroGradient", "untouched"]).optional(),
      rate: z.number().min(0).max(1000).optional(),
    }).optional(),
    checkpointEverySteps: z.int().min(1).max(1_000_000).optional(),
  }),
);

export const pretrainingSchema = named(
  "PretrainingRequest",
  z.strictObject({
    dataset: z.string().min(1).max(100).describe("Id of the data set. Labels are not looked at, modalities may lack."),
    name: modelNameSchema.describe("Name of the encoder that gets a candidate version."),
    recipe: pretrainingRecipeSchema.optional(),
  }),
) satisfies z.ZodType<PretrainingInput>;

/** A number as a path or query carries it. */
const wholeNumber = z.coerce.number("expected a whole number").int("expected a whole number");

export const versionParams = z.object({ name: z.string(), version: wholeNumber.min(1).max(1_000_000) });
export const nameParams = z.object({ name: z.string() });
export const idParams = z.object({ id: z.string() });
export const caseParams = z.object({ id: z.string(), case: z.string() });
export const caseFileParams = caseParams.extend({ modality: z.string() });

export const jobFilterSchema = z.strictObject({
  kind: z.enum(JOB_KINDS).optional(),
  state: z.enum(JOB_STATES).optional(),
  limit: wholeNumber.min(1).max(1000).optional().describe("Default 100."),
  before: z.string().max(100).optional().describe("Id of the last job of the former page."),
});
export const segmentQuery = z.strictObject({ output: outputSchema.optional().describe("Default: labels.") });
export const importQuery = z.strictObject({
  name: z.string().trim().min(1).max(200).optional().describe("Instead of the name that the archive gives."),
});
