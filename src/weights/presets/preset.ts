/** A preset: how a framework's own files say that its network is to be used. Data alone; nothing of the files is run. */
import { parseForeignJson } from "../../storage/mod.ts";
import type { z } from "zod";
import type { Architecture, InferenceSettings, ModelSpec, Preprocessing } from "../../inference/mod.ts";

/** A MONAI bundle (`metadata.json`, `inference.json`) or nnU-Net v2 (`plans.json`, `dataset.json`). */
export const PRESET_KINDS = ["bundle", "nnunet"] as const;
export type PresetKind = (typeof PRESET_KINDS)[number];

/** Texts of a framework's JSON files, by file name without folders. */
export type PresetFiles = ReadonlyMap<string, string>;

/** Fields that a preset leaves out are the user's to give. */
export interface Preset {
  readonly spec: Partial<Pick<ModelSpec, "modalities" | "labels" | "classes" | "task">>;
  /** The network that the files plan, or why it is not built here, with the remedy; a graph needs neither. */
  readonly network?: { readonly built: Architecture } | { readonly refused: string };
  readonly preprocessing: Partial<Preprocessing>;
  readonly inference: Partial<InferenceSettings>;
  /** Assumptions, and settings of the files that are not obeyed, in words for users. */
  readonly notes: readonly string[];
}

/** Facts that stand beside the JSON files: in a checkpoint, or in the user's flags. */
export interface PresetOptions {
  /** nnU-Net: the configuration; default that of the checkpoint, or `3d_fullres`. */
  readonly configuration?: string | undefined;
  /** nnU-Net: `inference_allowed_mirroring_axes` of the checkpoint; absent: nothing says which. */
  readonly mirrored?: readonly (0 | 1 | 2)[] | undefined;
}

export function refuse(why: string): never {
  throw new TypeError(`Cannot read the preset: ${why}`);
}

/** The JSON of one of the files. @throws {TypeError | SyntaxError} it is not there, or no JSON */
export function jsonIn(files: PresetFiles, name: string): unknown {
  const text = files.get(name) ?? refuse(`expected ${name} to be given`);
  try {
    return parseForeignJson(text);
  } catch {
    throw new SyntaxError(`Cannot read the preset: ${name} is no JSON`);
  }
}

/** A part of a file in the shape of `schema`. @throws {TypeError} it has another shape; names the field */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  return refuse(`${what}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`);
}
