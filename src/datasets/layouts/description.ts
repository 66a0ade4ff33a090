/** `dataset.json`, the description of a data set: its name, its content, and the order of its keys. */
import { parseForeignJson } from "../../storage/mod.ts";
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
 * The keys of an object in a JSON text, as the text orders them. JavaScript moves keys that are whole numbers to the front,
 * so every key gets a letter for the reading.
 */
function keysInOrder(text: string, field: string): string[] {
  const marked = text.replaceAll(
    /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g,
    (word, colon: string | undefined) => colon === undefined ? word : `"k${word.slice(1)}`,
  );
  const object: unknown = JSON.parse(marked)[`k${field}`];
  return typeof object === "object" && object !== null ? Object.keys(object).map((key) => key.slice(1)) : [];
}
