/** A MONAI bundle's `metadata.json`: the channels that go into its network and those that come out. */
import { z } from "zod";
import { type Label, type Modality, modalityFromName, type Task } from "../../../inference/mod.ts";
import { LABEL_COLOURS } from "../../../registry/mod.ts";
import { checked, jsonIn, type PresetFiles, refuse } from "../preset.ts";

const tensorSchema = z.looseObject({
  type: z.string().optional(),
  format: z.string().optional(),
  modality: z.string().optional(),
  num_channels: z.int().min(1),
  channel_def: z.record(z.string(), z.string()).optional(),
  spatial_shape: z.array(z.union([z.string(), z.int()])).optional(),
});
type TensorOf = z.infer<typeof tensorSchema>;

const metadataSchema = z.looseObject({
  network_data_format: z.looseObject({
    inputs: z.record(z.string(), z.unknown()),
    outputs: z.record(z.string(), z.unknown()),
  }),
});

export interface Metadata {
  readonly task: Exclude<Task, "encoder">;
  /** The names of the input channels in order, as far as the file gives them. */
  readonly channels: readonly string[];
  readonly inputs: number;
  readonly outputs: number;
  /** The names of the output channels in order, as far as the file gives them. */
  readonly names: readonly string[];
  /** The size of the input, where it is fixed. */
  readonly shape: readonly number[] | null;
}

/** @throws {SyntaxError | TypeError} the file is missing or damaged, or describes a network of another kind */
export function metadataIn(files: PresetFiles): Metadata {
  const { network_data_format: { inputs, outputs } } = checked(
    metadataSchema,
    jsonIn(files, "metadata.json"),
    "metadata.json",
  );
  const image = onlyOne(inputs, "image", "inputs"), pred = onlyOne(outputs, "pred", "outputs");
  const shape = image.spatial_shape?.every((d) => typeof d === "number") ? image.spatial_shape : null;
  if (image.spatial_shape !== undefined && image.spatial_shape.length !== 3) {
    refuse(`metadata.json: expected an image of three dimensions, got ${image.spatial_shape.length}`);
  }
  const isClasses = [pred.format, pred.type].some((word) =>
    /^(classes|classification|label|labels)$/i.test(word ?? "")
  );
  return {
    task: isClasses ? "classification" : "segmentation",
    channels: namesOf(image, "inputs"),
    inputs: image.num_channels,
    outputs: pred.num_channels,
    names: namesOf(pred, "outputs"),
    shape: shape as readonly number[] | null,
  };
}

/** The tensor of the usual name, or the only one. */
function onlyOne(tensors: Readonly<Record<string, unknown>>, usual: string, what: string): TensorOf {
  const names = Object.keys(tensors);
  const name = names.includes(usual) && names.length === 1 ? usual : names.length === 1 ? names[0] : null;
  if (name === null) refuse(`metadata.json: expected one tensor in ${what}, got ${names.join(", ") || "none"}`);
  return checked(tensorSchema, tensors[name], `metadata.json: ${what}.${name}`);
}

function namesOf({ channel_def = {}, num_channels }: TensorOf, what: string): string[] {
  const keys = Object.keys(channel_def).map(Number).sort((a, b) => a - b);
  if (keys.length === 0) return [];
  if (keys.length !== num_channels || keys.some((key, i) => key !== i)) {
    refuse(`metadata.json: expected channel_def of ${what} to name channels 0 to ${num_channels - 1}, got ${keys}`);
  }
  return keys.map((key) => channel_def[key]);
}

/**
 * The modalities that the input channels are named after, or the `images` that are loaded one by one; undefined where a name is
 * no modality or stands twice.
 */
export function modalitiesOf({ channels, inputs }: Metadata, images: readonly string[] = []): Modality[] | undefined {
  for (const names of [channels, images]) {
    const found = names.map(modalityFromName).filter((m) => m !== null);
    if (found.length === inputs && new Set(found).size === inputs) return found;
  }
  return undefined;
}

/** True where the first output channel is the background, so that the channels exclude each other. */
export const hasBackground = ({ names }: Metadata): boolean => /^\W*back ?ground\W*$/i.test(names[0] ?? "");

/** Labels in the order of the output channels from `first`; the first one has the value 1. */
export function labelsOf({ names, outputs }: Metadata, { first }: { readonly first: number }): Label[] {
  return Array.from({ length: outputs - first }, (_, i) => ({
    name: names[first + i] ?? `label ${i + 1}`,
    value: i + 1,
    colour: LABEL_COLOURS[i % LABEL_COLOURS.length],
  }));
}
