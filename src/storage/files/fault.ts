/**
 * Says why a value does not fit a schema, in the schema's own words: names of other fields, like values, are a stranger's
 * words and may be a patient's.
 */
import { z } from "zod";

export interface Fault {
  /** Fields of the schema and places in lists; `*` stands for any other name. */
  readonly path: readonly string[];
  readonly detail: string;
}

/** The first fault of a value that a schema refused. */
export function faultOf(schema: z.ZodType, value: unknown, error: z.ZodError): Fault {
  const names = namesOf(schema), { path, detail } = firstIssue(error.issues[0], { names, value });
  return { path: path.map((part) => typeof part === "number" || names.has(String(part)) ? String(part) : "*"), detail };
}

interface Checked {
  readonly names: ReadonlySet<string>;
  readonly value: unknown;
}

function firstIssue(issue: z.core.$ZodIssue, checked: Checked): { path: PropertyKey[]; detail: string } {
  if (issue.code === "unrecognized_keys") return { path: [...issue.path], detail: unknownField(issue, checked) };
  // A union's own message says little: take that of the alternative that matched the most.
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const deepest = issue.errors.map((e) => e[0]).reduce((a, b) => b.path.length > a.path.length ? b : a);
    const inner = firstIssue(deepest, { ...checked, value: at(checked.value, issue.path) });
    if (inner.path.length > 0) return { path: [...issue.path, ...inner.path], detail: inner.detail };
  }
  return { path: [...issue.path], detail: issue.message.replace(/received undefined$/, "got nothing") };
}

/** Says which field it is by its place, and which one may be meant. */
function unknownField({ path, keys: [key] }: z.core.$ZodIssueUnrecognizedKeys, { names, value }: Checked): string {
  const fields = Object.keys(at(value, path) ?? {});
  const meant = [...names].find((name) => isAlike(name.toLowerCase(), key.toLowerCase()));
  return `there is no such field as number ${fields.indexOf(key) + 1} of ${fields.length}` +
    (meant === undefined ? "" : `; is ${meant} meant?`);
}

function at(value: unknown, path: readonly PropertyKey[]): Record<string, unknown> | undefined {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = Reflect.get(inner, part);
  }
  return typeof inner === "object" && inner !== null ? { ...inner } : undefined;
}

/** The same letters but for their order, or but for one. */
function isAlike(a: string, b: string): boolean {
  const sorted = (text: string) => [...text].sort().join("");
  const without = (long: string, short: string) =>
    long.length === short.length + 1 && [...long].some((_, i) => long.slice(0, i) + long.slice(i + 1) === short);
  return sorted(a) === sorted(b) || without(a, b) || without(b, a);
}

const NAMES = new WeakMap<z.ZodType, ReadonlySet<string>>();

/** The names of all fields that a schema has, at any depth. */
function namesOf(schema: z.ZodType): ReadonlySet<string> {
  const found = NAMES.get(schema);
  if (found !== undefined) return found;
  const names = new Set<string>();
  const collect = (json: unknown): void => {
    if (typeof json !== "object" || json === null) return;
    for (const [key, inner] of Object.entries(json)) {
      if (key === "properties" && typeof inner === "object") { for (const name of Object.keys(inner)) names.add(name); }
      collect(inner);
    }
  };
  collect(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  NAMES.set(schema, names);
  return names;
}
