/** Schemas of replies. The OpenAPI document is written from them, and tests check every reply against them. */
import { z } from "zod";
import { type Device, DEVICE_STATES, PROVIDERS } from "../../engine/mod.ts";
import {
  type CaseQuality,
  CLASS_KINDS,
  type ClassifyResult,
  type SegmentResult,
  type Warning,
  WARNINGS,
} from "../../inference/mod.ts";
import { DATASET_LAYOUTS, datasetDetailSchema, datasetSummarySchema } from "../../datasets/mod.ts";
import { JOB_KINDS, JOB_STATES, type JobKind, type OutputOf } from "../../jobs/mod.ts";
import { manifestSchema, type ModelSummary, VERSION_STATES } from "../../registry/mod.ts";
import { planSchema, resolvedRecipeSchema } from "../../train/mod.ts";
import { CHECK_STATES, CHECKS } from "../observe/health.ts";
import { named } from "./named.ts";
import type { ProblemBody } from "../http/problems.ts";

const time = z.iso.datetime();
const count = z.int().min(0);
const metrics = z.record(z.string(), z.number().nullable()).describe("Named numbers, such as dice, hd95Mm, accuracy.");
const checkState = z.enum(CHECK_STATES);

export const problemSchema = named(
  "Problem",
  z.strictObject({
    type: z.string().describe("urn:sulcus:problem:<code>"),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe("Stable, for programs."),
    path: z.string().optional().describe("The field that is wrong."),
    requestId: z.string(),
  }),
) satisfies z.ZodType<ProblemBody>;

export const liveSchema = named("Live", z.strictObject({ status: z.literal("live") }));
export const healthSchema = named(
  "Health",
  z.strictObject({
    status: z.enum(["started", "starting", "ready", "not-ready"]),
    checks: z.strictObject(
      Object.fromEntries(CHECKS.map((name) => [name, checkState])) as {
        [K in (typeof CHECKS)[number]]: typeof checkState;
      },
    ),
  }),
);

const deviceSchema = named(
  "Device",
  z.strictObject({
    provider: z.enum(PROVIDERS),
    name: z.string(),
    state: z.enum(DEVICE_STATES),
    reason: z.string().optional(),
  }),
) satisfies z.ZodType<Device>;

export const versionReplySchema = named(
  "Version",
  z.strictObject({
    name: z.string(),
    version: z.string(),
    commit: z.string().describe("The commit that the program was made of; unknown outside a clone and an image."),
    deno: z.string(),
    onnxruntime: z.string(),
    devices: z.array(deviceSchema),
    login: z.enum(["none", "token", "oidc"]).describe("How to log in; none: everybody may do everything."),
    protection: z.strictObject({
      login: z.enum(["none", "token", "oidc"]),
      insecure: z.boolean().describe("It was started with --insecure."),
      listensOn: z.string(),
      names: z.union([z.literal("any"), z.array(z.string())]).describe("Under which it answers browsers."),
      tls: z.boolean().describe("It does TLS itself."),
      publicUrl: z.string().optional(),
    }).optional().describe("What keeps strangers out; shown to administrators only."),
  }),
);

const state = z.enum(VERSION_STATES);
const summaryShape = {
  name: z.string(),
  task: manifestSchema.shape.task,
  servedVersion: z.int().nullable(),
  versions: z.array(z.strictObject({ version: z.int(), state })),
};
const modelSummarySchema = named("ModelSummary", z.strictObject(summaryShape)) satisfies z.ZodType<ModelSummary>;
export const modelListSchema = named("ModelList", z.strictObject({ models: z.array(modelSummarySchema) }));

export const versionShape = {
  name: z.string(),
  version: z.int(),
  state,
  shipped: z.boolean().describe("It came with the program."),
  addedAt: time,
  approvedBy: z.string().optional(),
  approvedAt: time.optional(),
  note: z.string().optional(),
  metrics,
  hashes: z.record(z.string(), z.string()).describe("File of the package → sha256."),
  manifest: named("Manifest", manifestSchema),
};
export const modelVersionSchema = named("ModelVersion", z.strictObject(versionShape));
/** The model and its served version, or the newest where none is served. */
export const modelSchema = named("Model", z.strictObject({ ...summaryShape, ...versionShape }));

/** Each code with the condition that it stands for. */
const warningCodes = Object.entries(WARNINGS).filter(([, { weight }]) => weight !== "refused")
  .map(([code, { when }]) => `${code}: ${when}`).join(" ");
const warningSchema = named(
  "Warning",
  z.strictObject({
    code: z.string().describe(`Stable, for programs. ${warningCodes}`),
    detail: z.string().describe("What was found and expected, with figures, and the remedy."),
  }),
) satisfies z.ZodType<Warning>;
const labelQuality = z.strictObject({ name: z.string(), score: z.number().nullable() });
const qualitySchema = named(
  "Quality",
  z.strictObject({
    score: z.number().nullable().describe(
      "0…1, the mean over the labels that were found; null: none was found, or the network gives no probabilities.",
    ),
    expectedDice: z.number().optional().describe(
      "Mean Dice that held-out patients of this score had; absent where the model was not calibrated.",
    ),
    interval: z.tuple([z.number(), z.number()]).readonly().optional().describe(
      "Holds the Dice of four patients in five.",
    ),
    passes: z.int().min(1).describe("Passes of the network that the score is made of."),
    perLabel: z.array(labelQuality).readonly(),
    reasons: z.array(z.string()).readonly().describe("Why the score is low, absent or not calibrated."),
  }),
) satisfies z.ZodType<CaseQuality>;
const segmentResultShape = {
  provider: z.string(),
  labels: z.array(z.strictObject({ name: z.string(), value: z.int(), voxels: count, volumeMl: z.number() })),
  windows: count,
  timingsMs: z.strictObject({
    read: z.number(),
    preprocess: z.number(),
    infer: z.number(),
    restore: z.number(),
    write: z.number(),
  }),
  peakBytes: count.describe(
    "Most memory held for it, bytes: the peak of the process that reads, prepares and writes volumes plus the peak of " +
      "its device process, an upper bound as both seldom peak together. Without a GPU's own memory and without the " +
      "process that answers requests. 0 on other systems than Linux.",
  ),
  warnings: z.array(warningSchema).describe("Those that a result is probably wrong by come first."),
  quality: qualitySchema.optional().describe("Absent in results of earlier versions."),
};
const classifyResultShape = {
  provider: z.string(),
  kind: z.enum(CLASS_KINDS).optional().describe(
    "exclusive (also where it is absent): one class holds, the probabilities add up to 1; independent: each class may " +
      "hold beside others; values: quantities, in `values`.",
  ),
  classes: z.array(z.strictObject({ label: z.string(), probability: z.number() })).describe("Empty for values."),
  values: z.array(z.strictObject({ label: z.string(), value: z.number(), unit: z.string().nullable() })).optional()
    .describe("The answer of a regression; a unit is null where the package states none."),
  timingsMs: z.strictObject({ read: z.number(), preprocess: z.number(), infer: z.number() }),
  warnings: z.array(warningSchema).describe("Those that a result is probably wrong by come first."),
};
const segmentOutput = named("SegmentOutput", z.strictObject(segmentResultShape)) satisfies z.ZodType<SegmentResult>;
const classifyOutput = named("ClassifyOutput", z.strictObject(classifyResultShape)) satisfies z.ZodType<ClassifyResult>;
/** The `output` of a job's result, for every kind that has one. */
const OUTPUTS = { segment: segmentOutput, classify: classifyOutput } satisfies {
  readonly [K in JobKind as undefined extends OutputOf<K> ? never : K]: z.ZodType<OutputOf<K>>;
};
const used = { model: z.string(), version: z.int() };
export const segmentationSchema = named(
  "Segmentation",
  z.strictObject({ ...used, ...segmentResultShape, maskUrl: z.string() }),
);
export const classificationSchema = named("Classification", z.strictObject({ ...used, ...classifyResultShape }));

/** Names of ignored files that an import lists. */
export const MOST_IGNORED = 50;
const leftOutSchema = z.array(z.strictObject({ case: z.string(), reason: z.string() }));
const datasetListed = named("DatasetSummary", datasetSummarySchema);
export const datasetListSchema = named("DatasetList", z.strictObject({ datasets: z.array(datasetListed) }));
export const datasetSchema = named("Dataset", datasetDetailSchema);
export const importedSchema = named(
  "ImportedDataset",
  z.strictObject({
    ...datasetSchema.shape,
    layout: z.enum(DATASET_LAYOUTS),
    ignoredFiles: count.describe("Files of the archive that its layout does not explain."),
    ignored: z.array(z.string()).describe(`Their names, at most ${MOST_IGNORED}.`),
    leftOut: leftOutSchema.describe("Cases that could not be read and were left out, as asked."),
    notes: z.array(z.string()).describe(
      "What description, rule or table say of cases that are not there, or do not say.",
    ),
  }),
);
export const storedFileSchema = named(
  "StoredFile",
  z.strictObject({ case: z.string(), role: z.string(), bytes: count, sha256: z.string() }),
);
export const caseReplySchema = named("DatasetCase", datasetDetailSchema.shape.cases.element);
export const storedPatientSchema = named("StoredPatient", z.strictObject({ case: z.string(), patient: z.string() }));
export const storedClassSchema = named(
  "StoredClass",
  z.strictObject({ case: z.string(), class: z.string(), patient: z.string().optional() }),
);

named("ResolvedRecipe", resolvedRecipeSchema);
export const finetunePlanSchema = named("FinetunePlan", planSchema);

export const jobSchema = named(
  "Job",
  z.strictObject({
    id: z.string(),
    kind: z.enum(JOB_KINDS),
    state: z.enum(JOB_STATES),
    createdAt: time,
    startedAt: time.optional(),
    finishedAt: time.optional(),
    progress: z.strictObject({
      step: z.number(),
      steps: z.number(),
      epoch: z.number().optional(),
      loss: z.number().optional(),
      losses: z.record(z.string(), z.number()).optional().describe("Parts of the loss, where it has any."),
      learningRate: z.number().optional(),
      etaSeconds: z.number().optional(),
      phase: z.string().optional().describe("The current phase: fold 1 of 2, final, …"),
    }).optional(),
    validation: metrics.optional(),
    leftOut: leftOutSchema.optional().describe("Cases of the data set that a fine-tune leaves out."),
    result: z.strictObject({
      ...used,
      provider: z.string().optional().describe("The provider that ran it."),
      warnings: z.array(warningSchema).optional().describe(
        "Of a training: also the providers that failed, and why.",
      ),
      plan: finetunePlanSchema.optional().describe("Of a fine-tune by the preset auto: what was planned and done."),
      maskUrl: z.string().optional(),
      output: z.union(Object.values(OUTPUTS)).optional(),
    }).optional(),
    error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  }),
);
export const jobListSchema = named("JobList", z.strictObject({ jobs: z.array(jobSchema) }));
/** A fine-tune's report belongs to the training, which may add to it. */
export const reportSchema = named("Report", z.looseObject({}));
