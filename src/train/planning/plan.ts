/** The plan of a fine-tune: the data's fingerprint, the recipe that follows from it, why, and what it will take. */
import { z } from "zod";
import { resolvedRecipeSchema } from "../recipe/finetuning_settings.ts";
import type { Frozen } from "../recipe/settings.ts";
import type { Fingerprint } from "./fingerprint.ts";

const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.strictObject({ least: triple, median: triple, most: triple });
const count = z.int().min(0);

export const fingerprintSchema = z.strictObject({
  task: z.enum(["segmentation", "classification"]),
  cases: count,
  patients: count,
  modalities: z.array(z.string()),
  headersRead: count.describe("Cases whose sizes and spacings these are."),
  labelsRead: count.describe("Cases whose label maps were read."),
  sizeVox: spread.describe("Along right, anterior and superior."),
  spacingMm: spread,
  extentMm: triple.describe("Median size of an image."),
  labels: z.array(z.strictObject({
    name: z.string(),
    cases: count.describe("Cases that have it, of those whose label maps were read."),
    medianMl: z.number(),
    components: count.describe("Median number of connected parts."),
    share: z.number().describe("Median share of the image's voxels."),
  })),
  exclusive: z.boolean().describe("No value of the files means two labels."),
  classes: z.record(z.string(), count).describe("Cases of each class."),
}) satisfies z.ZodType<Fingerprint>;

export const planSchema = z.strictObject({
  fingerprint: fingerprintSchema,
  recipe: resolvedRecipeSchema.describe("Given back as the `recipe` of a fine-tune, edited or not, it is obeyed."),
  reasons: z.array(z.string()).describe("One sentence a rule."),
  expected: z.strictObject({
    seconds: z.number().nullable().describe("Time of the whole job; null: a recipe that counts updates was not timed."),
    peakBytes: z.number().describe(
      "Memory of the device in a training step; of a job that has run, the most that it took.",
    ),
    updates: count.describe("Of all phases."),
    secondsPerUpdate: z.number().nullable(),
    isMeasured: z.boolean().describe(
      "False: from the step's arithmetic. The job measures its device before it trains.",
    ),
  }),
});

/** As `sulcus finetune --plan` prints it, a job stores it, and `recipe` takes it back. */
export type FinetunePlan = Frozen<z.output<typeof planSchema>>;
