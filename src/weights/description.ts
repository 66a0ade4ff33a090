/** The description of a package that `exportWeights()` puts beside the tensors, so that importing the file restores it. */
import { z } from "zod";
import type { ModelSpec } from "../inference/mod.ts";
import { specSchema } from "../registry/mod.ts";
import { refuse } from "./import_result.ts";
import { type TemplateStack, templateStackSchema } from "./templates.ts";

/** Key of the description in a file's metadata. */
const METADATA_KEY = "sulcus";

const descriptionSchema = z.strictObject({ spec: specSchema, templates: templateStackSchema.nullable() });

export interface Description {
  readonly spec: ModelSpec;
  /** null: the file has no templates. */
  readonly templates: TemplateStack | null;
}

export const metadataOf = (description: Description): Record<string, string> => ({
  [METADATA_KEY]: JSON.stringify(description),
});

/** The description in a file's metadata, if it has one. @throws {TypeError} it is damaged */
export function descriptionIn(metadata: Readonly<Record<string, string>>): Description | undefined {
  const text = metadata[METADATA_KEY];
  if (text === undefined) return undefined;
  try {
    return descriptionSchema.parse(JSON.parse(text));
  } catch {
    refuse(`expected the entry "${METADATA_KEY}" of its metadata to describe a model`);
  }
}
