/** Checks values that clients send: JSON, schemas, text that a database can hold. */
import type { z } from "zod";
import { Problem } from "./problems.ts";

/**
 * Returns the schema's output. `at` is where in the request the value came from ("query", "options", "" for a body).
 * @throws {Problem} `invalid-request` with the path of the first wrong field
 */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, at: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, detail } = firstIssue(result.error.issues[0]);
  const where = [...(at === "" ? [] : [at]), ...path].join(".");
  throw new Problem("invalid-request", `Cannot take ${where === "" ? "the body" : `"${where}"`}: ${detail}`, {
    path: where,
  });
}

function firstIssue(issue: z.core.$ZodIssue): { path: PropertyKey[]; detail: string } {
  if (issue.code === "unrecognized_keys") {
    return { path: [...issue.path, issue.keys[0].slice(0, 64)], detail: "there is no such field" };
  }
  // A union's own message says little: take that of the alternative that matched the most.
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const deepest = issue.errors.map((e) => e[0]).reduce((a, b) => b.path.length > a.path.length ? b : a);
    const inner = firstIssue(deepest);
    if (inner.path.length > 0) return { path: [...issue.path, ...inner.path], detail: inner.detail };
  }
  return { path: [...issue.path], detail: issue.message };
}

/**
 * Parses JSON whose strings a database can hold; `name` stands for it in the message.
 * @throws {Problem} `invalid-json`
 */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), (key, value) => {
      if (key.includes("\0") || typeof value === "string" && value.includes("\0")) {
        throw new SyntaxError("NUL in a text");
      }
      return value;
    });
  } catch (error) {
    throw new Problem("invalid-json", `Cannot read ${name}: expected JSON in UTF-8 without NUL characters`, {
      cause: error,
    });
  }
}

/** Refuses NUL characters, which PostgreSQL cannot store. @throws {Problem} `invalid-request` */
export function refuseNul(values: Readonly<Record<string, string>>, at: string): void {
  const name = Object.keys(values).find((name) => values[name].includes("\0"));
  if (name === undefined) return;
  throw new Problem("invalid-request", `Cannot take the ${at}: expected text without NUL characters`, {
    path: `${at}.${name.slice(0, 64)}`,
  });
}
