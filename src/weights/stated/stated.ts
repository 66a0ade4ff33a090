/**
 * Statements about a network that its file does not make: those of a preset, over them those of a `spec.json`, over them
 * those of the request.
 */
import { parseForeignJson } from "../../storage/mod.ts";
import { z } from "zod";
import type { InferenceSettings, ModelSpec, Preprocessing } from "../../inference/mod.ts";
import { labelSchema, specSchema } from "../../registry/mod.ts";
import { coloured } from "../request/colours.ts";
import type { InspectRequest } from "../request/import_request.ts";
import { INFERENCE_FIELDS } from "../request/inference_fields.ts";
import { PREPROCESSING_FIELDS } from "../request/preprocessing_fields.ts";
import type { SettingField } from "../request/setting.ts";
import { refuse } from "../refuse.ts";

/** Parts of a spec; absent ones follow from the graph or are defaults. */
export interface Stated {
  readonly spec: Partial<Pick<ModelSpec, "task" | "architecture" | "modalities" | "labels" | "classes">>;
  readonly preprocessing: Partial<Preprocessing>;
  readonly inference: Partial<InferenceSettings>;
  /** The reason why the network that the statements plan is not built here, with the remedy. Its graph can be imported. */
  readonly unbuilt?: string | undefined;
  /** True: the first channel of the output is the background. Absent: the activation and the number of channels say it. */
  readonly background?: boolean;
  /** Choices that were made in reading it, in words for the report. */
  readonly notes: readonly string[];
}

export const NOTHING_STATED: Stated = { spec: {}, preprocessing: {}, inference: {}, notes: [] };

/** The file whose JSON states parts of a spec in the manifest's own words. */
export const SPEC_FILE = "spec.json";

const { task, modalities, classes, preprocessing, inference } = specSchema.shape;
const statedSchema = z.strictObject({
  task,
  modalities,
  labels: z.array(labelSchema.partial({ colour: true })),
  classes,
  preprocessing: preprocessing.partial(),
  inference: inference.partial(),
}).partial();

/** The statements of a `spec.json`. @throws {TypeError} no JSON, or a field that manifests do not have */
export function statedIn(text: string): Stated {
  let value: unknown;
  try {
    value = parseForeignJson(text);
  } catch {
    return refuse(`expected ${SPEC_FILE} to be JSON`);
  }
  const { data, error } = statedSchema.safeParse(value);
  if (data === undefined) {
    const { path, message } = error.issues[0];
    return refuse(`${SPEC_FILE}: ${path.length > 0 ? `${path.join(".")}: ` : ""}${message}`);
  }
  const { preprocessing = {}, inference = {}, labels, ...spec } = data;
  return {
    spec: { ...spec, ...labels && { labels: coloured(labels) } },
    preprocessing,
    inference,
    notes: [],
  };
}

/** The statements of a request. */
export function statedBy(request: InspectRequest): Stated {
  const { modalities, labels, classes } = request;
  return {
    spec: { ...modalities && { modalities }, ...labels && { labels: labels.labels }, ...classes && { classes } },
    preprocessing: preprocessing.partial().parse(settingsIn(PREPROCESSING_FIELDS, request)),
    inference: inference.partial().parse(settingsIn(INFERENCE_FIELDS, request)),
    ...labels?.background && { background: true },
    notes: [],
  };
}

/** The settings that the fields of a request fill. */
function settingsIn<F extends Readonly<Record<string, SettingField>>>(
  fields: F,
  request: { readonly [K in keyof F]?: unknown },
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, { sets }]) => request[name] === undefined ? [] : [[sets, request[name]]]),
  );
}

/** The lower one of two pre-processings, without a normalisation that percentiles of the upper one replace. */
function withoutRival(lower: Partial<Preprocessing>, upper: Partial<Preprocessing>): Partial<Preprocessing> {
  const { normalisation: _, ...others } = lower;
  return upper.percentiles !== undefined && upper.normalisation === undefined ? others : lower;
}

/** Both statements; where they differ, those of `upper` hold. */
export function stacked(lower: Stated, upper: Stated): Stated {
  return {
    spec: { ...lower.spec, ...upper.spec },
    preprocessing: { ...withoutRival(lower.preprocessing, upper.preprocessing), ...upper.preprocessing },
    inference: { ...lower.inference, ...upper.inference },
    unbuilt: upper.unbuilt ?? lower.unbuilt,
    background: upper.spec.labels ? upper.background : lower.background,
    notes: [...lower.notes, ...upper.notes],
  };
}
