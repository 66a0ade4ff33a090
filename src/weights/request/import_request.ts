/** The request of an import of weights, as flags and query parameters write it. */
import { z } from "zod";
import { type Field, flagOf, schemasOf } from "./field.ts";
import { INFERENCE_FIELDS } from "./inference_fields.ts";
import { NETWORK_FIELDS } from "./network_fields.ts";
import { PREPROCESSING_FIELDS } from "./preprocessing_fields.ts";

const FIELDS = { ...NETWORK_FIELDS, ...INFERENCE_FIELDS, ...PREPROCESSING_FIELDS };

export const importRequestSchema = z.strictObject(schemasOf(FIELDS));
export type ImportRequest = z.infer<typeof importRequestSchema>;

/** A request of which nothing is made, so that it needs no name. */
export const inspectRequestSchema = importRequestSchema.omit({ name: true, licence: true });
export type InspectRequest = z.infer<typeof inspectRequestSchema>;

/** The fields of a request as the command line shows them. */
export const IMPORT_FLAGS: readonly {
  readonly field: keyof ImportRequest;
  readonly flag: string;
  readonly value: string;
}[] = Object.entries<Field>(FIELDS).map(([field, { value }]) => ({
  field: field as keyof ImportRequest,
  flag: flagOf(field),
  value,
}));
