/** `dataset.json`, the description of a data set: its name, its content, and the order of its keys. */
import type { z } from "zod";
import { faultOf, parseForeignJson } from "../../storage/mod.ts";
import { invalidDataset } from "../spec.ts";
import type { FoundFiles } from "./layout.ts";

export const DESCRIPTION = "dataset.json";

/** True for the description of a data set, at whatever depth. */
export function isDescription(path: string): boolean {
  return path.split("/").at(-1)!.toLowerCase() === DESCRIPTION;
}

/** @throws {DomainError} `invalid-dataset` */
export function descriptionOf(text: string): Required<Pick<FoundFiles, "description" | "keysOf">> {
  const plain = text.replace(/^\uFEFF/, "");
  return { description: objectOf(plain), keysOf: (field) => keysInOrder(plain, field) };
}

/** A description as a layout has it. @throws {DomainError} `invalid-dataset`, in the schema's own words */
export function checkedDescription<T>(schema: z.ZodType<T>, description: unknown): T {
  const parsed = schema.safeParse(description);
  if (parsed.success) return parsed.data;
  const { path, detail } = faultOf(schema, description, parsed.error);
  throw invalidDataset([DESCRIPTION, ...path.length > 0 ? [path.join(".")] : [], detail].join(": "));
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseForeignJson(text);
  } catch {
    throw invalidDataset(`${DESCRIPTION} is no JSON of few levels and whole characters`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidDataset(`${DESCRIPTION} is no JSON object`);
  }
  return value as Record<string, unknown>;
}

/**
 * The keys of an object in a text that is known to be JSON, as the text orders them: JavaScript moves keys that are whole
 * numbers to the front. One walk over the text, because a stranger may send one of 16 MB.
 */
function keysInOrder(text: string, field: string): string[] {
  let keys = new Set<string>(), depth = 0, isInField = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (char !== '"') continue;
    const start = at;
    at = closingQuote(text, at);
    if (depth > 2 || depth === 2 && !isInField || !isKey(text, at + 1)) continue;
    const key: string = JSON.parse(text.slice(start, at + 1));
    if (depth === 2) keys.add(key);
    else if ((isInField = key === field)) keys = new Set(); // of fields of one name, the last counts
  }
  return [...keys];
}

function closingQuote(text: string, opening: number): number {
  let at = opening + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** A string is a key where a colon follows. */
function isKey(text: string, at: number): boolean {
  while (" \t\r\n".includes(text[at])) at++;
  return text[at] === ":";
}
