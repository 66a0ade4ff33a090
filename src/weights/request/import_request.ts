/** The request of an import of weights, as flags and query parameters write it. */
import { z } from "zod";
import { type Field, flagOf, schemasOf } from "./field.ts";
import { NETWORK_FIELDS } from "./network_fields.ts";
import { SERVING_FIELDS } from "./serving_fields.ts";

const FIELDS = { ...NETWORK_FIELDS, ...SERVING_FIELDS };

export const importRequestSchema = z.strictObject(schemasOf(FIELDS));
export type ImportRequest = z.infer<typeof importRequestSchema>;

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
