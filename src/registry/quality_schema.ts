/** The schema of the part of a manifest that a fine-tune learnt about its own answers. */
import { z } from "zod";
import type { QualitySpec } from "../inference/mod.ts";

const spread = z.strictObject({
  median: z.number(),
  spread: z.number().nonnegative(),
  least: z.number(),
  greatest: z.number(),
});

export const qualitySchema = z.strictObject({
  fit: z.strictObject({
    patients: z.int().min(1),
    intercept: z.number(),
    slope: z.number(),
    spread: z.number().nonnegative(),
    centre: z.number().optional(),
    slopeSpread: z.number().nonnegative().optional(),
  }).optional(),
  images: z.strictObject({
    cases: z.int().min(1),
    facts: z.array(
      z.strictObject({ of: z.string().min(1).max(100), values: z.record(z.string().min(1).max(100), spread) }),
    ).max(5000),
  }).optional(),
  mirrored: z.array(z.literal([0, 1, 2])).max(3).optional(),
}) satisfies z.ZodType<QualitySpec>;
