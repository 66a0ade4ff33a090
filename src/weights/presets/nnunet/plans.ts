/** nnU-Net's `plans.json` and `dataset.json`: their parts that say how a network is used. Not the training plan. */
import { z } from "zod";
import { checked, jsonIn, type PresetFiles, refuse } from "../preset.ts";

const triple = z.tuple([z.number(), z.number(), z.number()]);
const sizes = z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]);

const resamplingSchema = z.looseObject({
  order: z.int().min(0).max(5).optional(),
  order_z: z.int().min(0).max(5).optional(),
  force_separate_z: z.boolean().nullish(),
});

/** A configuration whose `inherits_from` is resolved. */
const configurationSchema = z.looseObject({
  patch_size: sizes,
  spacing: triple,
  normalization_schemes: z.array(z.string()).min(1),
  use_mask_for_norm: z.array(z.boolean()).min(1),
  preprocessor_name: z.string().optional(),
  previous_stage: z.string().nullish(),
  resampling_fn_data: z.string().optional(),
  resampling_fn_data_kwargs: resamplingSchema.optional(),
  resampling_fn_probabilities: z.string().optional(),
  resampling_fn_probabilities_kwargs: resamplingSchema.optional(),
});
export type Configuration = z.infer<typeof configurationSchema>;

const intensitySchema = z.looseObject({
  mean: z.number(),
  std: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});

const permutation = triple.refine((axes) => String(axes.toSorted()) === "0,1,2", "expected 0, 1 and 2 in any order");

const plansSchema = z.looseObject({
  image_reader_writer: z.string(),
  transpose_forward: permutation,
  configurations: z.record(z.string(), z.looseObject({ inherits_from: z.string().optional() })),
  foreground_intensity_properties_per_channel: z.record(z.string(), intensitySchema).optional(),
  foreground_intensity_properties_by_modality: z.record(z.string(), intensitySchema).optional(),
  label_manager: z.string().optional(),
});
export type Plans = z.infer<typeof plansSchema>;

const labelValue = z.union([z.int().min(0), z.array(z.int().min(0)).min(1)]);

const datasetSchema = z.looseObject({
  channel_names: z.record(z.string(), z.string()).optional(),
  modality: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string(), labelValue),
  regions_class_order: z.array(z.int().min(1)).nullish(),
});
export type Dataset = z.infer<typeof datasetSchema>;

/** @throws {TypeError | SyntaxError} the file is missing, or is no plans of nnU-Net v2 */
export const plansIn = (files: PresetFiles): Plans => checked(plansSchema, jsonIn(files, "plans.json"), "plans.json");

/** @throws {TypeError | SyntaxError} the file is missing, or is no data set of nnU-Net v2 */
export const datasetIn = (files: PresetFiles): Dataset =>
  checked(datasetSchema, jsonIn(files, "dataset.json"), "dataset.json");

/** The settings of a configuration, with those that it inherits. @throws {TypeError} unknown, or not for one network in 3-D */
export function configurationOf({ configurations }: Plans, name: string): Configuration {
  const known = Object.keys(configurations);
  const chain: string[] = [];
  for (let next: string | undefined = name; next !== undefined; next = configurations[next].inherits_from) {
    if (!Object.hasOwn(configurations, next)) {
      refuse(`plans.json: expected a configuration among ${known.join(", ") || "none"}, got ${next}`);
    }
    if (chain.includes(next)) refuse(`plans.json: its configurations inherit from each other in a circle`);
    chain.push(next);
  }
  const merged = Object.assign({}, ...chain.toReversed().map((key) => configurations[key]));
  if (Array.isArray(merged.patch_size) && merged.patch_size.length === 2) {
    refuse(`the configuration ${name} is a network of slices (2-D): expected one of volumes, such as 3d_fullres`);
  }
  const found = checked(configurationSchema, merged, `plans.json: configuration ${name}`);
  if (found.previous_stage) {
    refuse(
      `the configuration ${name} is a cascade, which takes the labels of ${found.previous_stage} as input: ` +
        "expected a network of images alone, such as 3d_fullres or 3d_lowres",
    );
  }
  return found;
}
