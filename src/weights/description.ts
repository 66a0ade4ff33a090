/** The description of a package that `exportWeights()` puts into a file of weights, so that importing the file restores it. */
import { isDeepStrictEqual } from "node:util";
import { parseForeignJson } from "../storage/mod.ts";
import { z } from "zod";
import type { ModelSpec } from "../inference/mod.ts";
import { type Manifest, manifestSchema, type Provenance, specOf, specSchema } from "../registry/mod.ts";
import { refuse } from "./refuse.ts";
import { METADATA_KEY } from "./source/metadata.ts";
import { type TemplateStack, templateStackSchema } from "./templates.ts";

const { provenance, licence, intendedUse } = manifestSchema.shape;
const descriptionSchema = z.strictObject({
  spec: specSchema,
  templates: templateStackSchema.nullable(),
  provenance: provenance.optional(),
  licence: licence.optional(),
  intendedUse: intendedUse.optional(),
});

export interface Description {
  readonly spec: ModelSpec;
  /** null: the file has no templates. */
  readonly templates: TemplateStack | null;
  /** Absent in files written before it was kept. */
  readonly provenance?: Provenance;
  readonly licence?: string;
  readonly intendedUse?: string;
}

/** What is known of the described model's answers, if `spec` is the described one. */
export function qualityFor(spec: ModelSpec, described: Description | undefined): Pick<ModelSpec, "quality"> {
  if (described === undefined) return {};
  const { quality, ...other } = described.spec;
  return quality !== undefined && isDeepStrictEqual(spec, other) ? { quality } : {};
}

/** The description of a package, as text. */
export function descriptionText(manifest: Manifest, templates: TemplateStack | null): string {
  const { job: _, ...provenance } = manifest.provenance; // a job belongs to one installation
  const { licence, intendedUse } = manifest;
  const description: Description = { spec: specOf(manifest), templates, provenance, licence, intendedUse };
  return JSON.stringify(description);
}

/** The description in a file's metadata, if it has one. @throws {TypeError} it is damaged */
export function descriptionIn(metadata: Readonly<Record<string, string>>): Description | undefined {
  const text = metadata[METADATA_KEY];
  if (text === undefined) return undefined;
  try {
    return descriptionSchema.parse(parseForeignJson(text));
  } catch {
    refuse(`expected the entry "${METADATA_KEY}" of its metadata to describe a model`);
  }
}
