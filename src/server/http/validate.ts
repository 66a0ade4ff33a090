/** Checks values against schemas and tells the first wrong field. */
import type { z } from "zod";
import { Problem } from "./problems.ts";

/**
 * The value as the schema gives it back. `at` is where in the request it came from ("query", "options", "" for a body).
 * @throws {Problem} `invalid-request` with the field's path
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
  // A union's own message says nothing; that of the alternative that got furthest does.
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const deepest = issue.errors.map((e) => e[0]).reduce((a, b) => b.path.length > a.path.length ? b : a);
    const inner = firstIssue(deepest);
    if (inner.path.length > 0) return { path: [...issue.path, ...inner.path], detail: inner.detail };
  }
  return { path: [...issue.path], detail: issue.message };
}
