/** Statements about a network that its file does not make: those of a preset, and over them those of the request. */
import type { InferenceSettings, ModelSpec, Preprocessing } from "../inference/mod.ts";
import type { ImportRequest } from "./request/import_request.ts";

/** Parts of a spec; absent ones follow from the graph or are defaults. */
export interface Stated {
  readonly spec: Partial<Pick<ModelSpec, "task" | "modalities" | "labels" | "classes">>;
  readonly preprocessing: Partial<Preprocessing>;
  readonly inference: Partial<InferenceSettings>;
  /** Choices that were made in reading it, in words for the report. */
  readonly notes: readonly string[];
}

export const NOTHING_STATED: Stated = { spec: {}, preprocessing: {}, inference: {}, notes: [] };

/** The statements of a request. */
export function statedBy({ modalities, labels, classes, roi }: ImportRequest): Stated {
  return {
    spec: { ...modalities && { modalities }, ...labels && { labels }, ...classes && { classes } },
    preprocessing: {},
    inference: { ...roi !== undefined && { roi: [roi, roi, roi] } },
    notes: [],
  };
}

/** Both statements; where they differ, those of `upper` hold. */
export function stacked(lower: Stated, upper: Stated): Stated {
  return {
    spec: { ...lower.spec, ...upper.spec },
    preprocessing: { ...lower.preprocessing, ...upper.preprocessing },
    inference: { ...lower.inference, ...upper.inference },
    notes: [...lower.notes, ...upper.notes],
  };
}
