/** Schemas that the OpenAPI document lists by name. */
import { z } from "zod";

const registry = z.registry<{ id: string }>();

/** Gives a schema its name in `components.schemas`; names are unique. */
export function named<T extends z.ZodType>(id: string, schema: T): T {
  registry.add(schema, { id });
  return schema;
}

export function nameOf(schema: z.ZodType): string | undefined {
  return registry.get(schema)?.id;
}

/**
 * The JSON schemas of all names: of requests ("input") or replies ("output").
 * References point into `#/components/schemas`.
 */
export function namedSchemas(io: "input" | "output"): Record<string, Record<string, unknown>> {
  const uri = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(registry, { io, uri, override: dropSafeBounds });
  // zod puts shared helpers where OpenAPI references cannot point.
  const text = JSON.stringify(schemas).replaceAll("schemas/__shared#/$defs/", "schemas/Shared_");
  const { __shared, ...rest } = JSON.parse(text);
  for (const [id, schema] of Object.entries(__shared?.$defs ?? {})) rest[`Shared_${id}`] = schema;
  for (const schema of Object.values<Record<string, unknown>>(rest)) {
    delete schema.$schema;
    delete schema.$id;
  }
  return rest;
}

/** The JSON schema of a parameter. */
export function parameterSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", override: dropSafeBounds });
  return rest;
}

/** Drops the bounds of safe integers, which hold for every JSON number. */
function dropSafeBounds({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
