/** Schemas of requests. Unknown fields are refused everywhere. */
import { z } from "zod";
import { INPUTS, MISSING_RULES, OUTPUTS, QUALITY_EFFORTS } from "../../inference/mod.ts";
import { PROVIDERS } from "../../engine/mod.ts";
import {
  caseChangesSchema,
  caseClassSchema,
  caseNameSchema,
  datasetNameSchema,
  datasetSpecSchema,
  patientsGivenSchema,
  readChannelMap,
  skipSchema,
} from "../../datasets/mod.ts";
import { type FinetuneInput, JOB_KINDS, JOB_STATES, type PretrainingInput } from "../../jobs/mod.ts";
import { modelNameSchema, versionSchema } from "../../registry/mod.ts";
import { pretrainingRecipeSchema, recipeSchema } from "../../train/mod.ts";
import { importRequestSchema } from "../../weights/mod.ts";
import { projectNameSchema } from "./identity.ts";
import { named } from "./named.ts";

const providerSchema = z.enum(["auto", ...PROVIDERS]);

export const decisionSchema = named(
  "Decision",
  z.strictObject({
    approvedBy: z.string().trim().min(1).max(200).optional()
      .describe("Who decides, where no login is configured; otherwise the person who is logged in does."),
    note: z.string().max(10_000).optional(),
  }),
);

/** Part of the audit trail: entries after a number, and between two times. */
export const auditQuery = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0)
    .describe("Number of the last entry seen."),
  since: z.iso.datetime({ offset: true }).optional().describe("From this time on."),
  until: z.iso.datetime({ offset: true }).optional().describe("Before this time."),
});

export const featuresSchema = named(
  "FeatureNames",
  z.strictObject({
    features: z.array(z.string().min(1).max(500)).min(1).max(16)
      .describe('Values of the graph, [N, C, X, Y, Z] or tokens; ["auto"]: the ends of its stages.'),
    by: z.string().trim().min(1).max(200).optional().describe("Who names them, for the audit trail."),
  }),
);

export const inferenceOptionsSchema = named(
  "InferenceOptions",
  z.strictObject({
    version: versionSchema.optional().describe("Default: the served version."),
    provider: providerSchema.optional().describe("Default: the server's."),
    missing: z.enum(MISSING_RULES).optional().describe(
      "A missing modality is refused (error, the default) or replaced by the model's template.",
    ),
  }),
);

export const segmentOptionsSchema = named(
  "SegmentOptions",
  inferenceOptionsSchema.extend({
    reference: z.enum(INPUTS).optional().describe(
      "The modality whose file's grid the mask is written on. Default: the first file of the form.",
    ),
  }),
);

export const outputSchema = z.enum(OUTPUTS);

/** The project that gets something new; whoever asks is a member of it, or an administrator. */
const newProject = { project: projectNameSchema.optional().describe("Its members have it too. Default: none.") };

export const datasetRequestSchema = named(
  "DatasetRequest",
  z.strictObject({ ...datasetSpecSchema.shape, ...newProject }),
);

export const classRequestSchema = named("CaseClass", caseClassSchema);

export const caseChangesRequestSchema = named("CaseChanges", caseChangesSchema);

const { class: classOf, patient, excluded } = caseChangesSchema.shape.cases.element.shape;
/** The parts of a case that are no files. */
export const caseOptionsSchema = named("CaseOptions", z.strictObject({ class: classOf, patient, excluded }));

export const patientRequestSchema = named("CasePatient", z.strictObject({ patient: caseNameSchema }));

export const patientsRequestSchema = named("Patients", patientsGivenSchema);

named("Recipe", recipeSchema);

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
    skip: skipSchema.optional(),
  }),
) satisfies z.ZodType<FinetuneInput>;

export const finetunePlanRequestSchema = named("FinetunePlanRequest", finetuneSchema.partial({ name: true }));

named("PretrainingRecipe", pretrainingRecipeSchema);

export const pretrainingSchema = named(
  "PretrainingRequest",
  z.strictObject({
    dataset: z.string().min(1).max(100).describe("Id of the data set. Labels are ignored; cases may lack modalities."),
    name: modelNameSchema.describe("Name of the encoder that gets a candidate version."),
    recipe: pretrainingRecipeSchema.optional(),
  }),
) satisfies z.ZodType<PretrainingInput>;

/** A number in a path or query. */
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
  before: z.string().max(100).optional().describe("Id of the last job of the previous page."),
});
export const segmentQuery = z.strictObject({
  output: outputSchema.optional().describe(
    "Default: labels. uncertainty: one float32 volume, 0 where the network is sure to 1 where it cannot decide.",
  ),
  quality: z.enum(QUALITY_EFFORTS).optional().describe(
    "quick (default): the quality score from the answer itself. full: the network also runs over images that are " +
      "brighter, darker and, where it was trained so, mirrored; three to six times as long; the mask stays the same.",
  ),
});
export const packageQuery = z.strictObject(newProject);
export const weightsQuery = z.strictObject({ ...importRequestSchema.shape, ...newProject });
export const importQuery = z.strictObject({
  ...newProject,
  name: datasetNameSchema.optional().describe("Overrides the name in the archive."),
  channels: z.string().min(1).max(1000).transform(readChannelMap).optional().describe(
    "Modalities of channels whose names mean none, as NAME=MODALITY with commas between: MRI=t1.",
  ),
  patientRule: z.string().min(1).max(100).optional().describe(
    "Regular expression whose one group is the patient in a case's name: ^(P[0-9]+)_",
  ),
  skip: z.literal("errors").optional().describe("Leaves out cases that cannot be read, instead of refusing all."),
});
