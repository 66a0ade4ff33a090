/**
 * Checks values that clients send: JSON, schemas, text that a database can hold. Refusals name fields of the schemas only:
 * other names, like values, are a client's own words and may be a patient's.
 */
import { z } from "zod";
import { faultOf, parseForeignJson } from "../../storage/mod.ts";
import { Problem } from "./problems.ts";

/**
 * Returns the schema's output. `at` is where in the request the value came from ("query", "options", "" for a body).
 * @throws {Problem} `invalid-request` with the path of the first wrong field
 */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, at: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, detail } = faultOf(schema, value, result.error);
  const where = [...(at === "" ? [] : [at]), ...path].join(".");
  throw new Problem("invalid-request", `Cannot take ${where === "" ? "the body" : `"${where}"`}: ${detail}`, {
    path: where,
  });
}

/**
 * Parses JSON whose strings a database can hold; `name` stands for it in the message.
 * @throws {Problem} `invalid-json`
 */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return parseForeignJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Problem(
      "invalid-json",
      `Cannot read ${name}: expected JSON in UTF-8 of few levels, with whole characters and none that are NUL`,
      {
        cause: error,
      },
    );
  }
}

/** Refuses NUL characters, which PostgreSQL cannot store. @throws {Problem} `invalid-request` */
export function refuseNul(values: Readonly<Record<string, string>>, at: string, schema: z.ZodObject): void {
  const name = Object.keys(values).find((name) => values[name].includes("\0"));
  if (name === undefined) return;
  throw new Problem("invalid-request", `Cannot take the ${at}: expected text without NUL characters`, {
    path: Object.hasOwn(schema.shape, name) ? `${at}.${name}` : at,
  });
}
