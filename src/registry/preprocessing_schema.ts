/** The schema of a manifest's `preprocessing`. Contradictions between its fields are `wrongPreprocessing()`. */
import { z } from "zod";
import {
  ALIGNMENTS,
  AXIS_ORDERS,
  FOREGROUNDS,
  INTERPOLATIONS,
  ORIENTATION_CODES,
  type Preprocessing,
  STATISTICS_OVER,
  STEPS,
} from "../inference/mod.ts";

const millimetres = z.number().positive().max(50);
const size = z.int().min(1).max(1024);
const percentage = z.number().min(0).max(100);
const range = z.tuple([z.number(), z.number()]);
const statistic = { over: z.enum(STATISTICS_OVER), joint: z.boolean().optional() };

const normalisation = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("percentiles"),
    ...statistic,
    lower: percentage,
    upper: percentage,
    to: range.optional(),
    clip: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal("z-score"),
    ...statistic,
    clipPercentiles: z.tuple([percentage, percentage]).optional(),
  }),
  z.strictObject({ kind: z.literal("min-max"), ...statistic, to: range }),
  z.strictObject({
    kind: z.literal("fixed"),
    mean: z.number(),
    deviation: z.number().positive(),
    clip: range.optional(),
  }),
  z.strictObject({ kind: z.literal("range"), from: range, to: range, clip: z.boolean() }),
  z.strictObject({ kind: z.literal("none") }),
]);

export const preprocessingSchema = z.strictObject({
  spacingMm: z.tuple([millimetres, millimetres, millimetres]).nullable(),
  percentiles: z.strictObject({ lower: percentage, upper: percentage, clip: z.boolean() }).optional(),
  percentilesOver: z.enum(["volume", "foreground"]).optional(),
  normalisation: z.array(normalisation).min(1).max(64).optional(),
  order: z.array(z.enum(STEPS)).length(STEPS.length).optional(),
  orientation: z.enum(["file", ...ORIENTATION_CODES]).optional(),
  axes: z.enum(AXIS_ORDERS).optional(),
  interpolation: z.enum(INTERPOLATIONS).optional(),
  alignment: z.enum(ALIGNMENTS).optional(),
  separateAxis: z.strictObject({ above: z.number().min(1).max(100), interpolation: z.enum(INTERPOLATIONS) }).optional(),
  foregroundMargin: z.int().min(0).max(512).nullable(),
  foreground: z.enum(FOREGROUNDS).optional(),
  resize: z.tuple([size, size, size]).optional(),
  keepAspect: z.boolean().optional(),
}) satisfies z.ZodType<Preprocessing>;
