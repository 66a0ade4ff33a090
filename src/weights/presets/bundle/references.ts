/**
 * The references of a MONAI bundle's configuration: `@id`, `@id::0::key`, and `$` before a plain value. Nothing is run: an
 * expression that is more than that stays one, and whoever needs its value refuses it.
 * Source: MONAI, monai/bundle/reference_resolver.py and config_item.py.
 */
import { quoted } from "../../../tensor/mod.ts";
import { refuse } from "../preset.ts";

/** A `$` expression of Python that is no plain value. */
export class Expression {
  constructor(readonly text: string) {}
}

export type Plain = null | boolean | number | string | Expression | readonly Plain[] | {
  readonly [key: string]: Plain;
};

/** References in references, which bounds circles too. */
const MAX_DEPTH = 32;

const REFERENCE = /^[$]?[@](\w+(?:(?:::|#)\w+)*)$/;

export class References {
  readonly #root: unknown;
  constructor(root: unknown) {
    this.#root = root;
  }

  /** A value of the configuration with its references resolved. @throws {TypeError} a reference leads nowhere or in a circle */
  resolve(value: unknown, depth = 0): Plain {
    if (depth > MAX_DEPTH) refuse(`inference.json: expected references of at most ${MAX_DEPTH} steps`);
    if (typeof value === "string") return this.#text(value, depth);
    if (Array.isArray(value)) return value.map((item) => this.resolve(item, depth + 1));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.resolve(item, depth + 1)]));
    }
    return value as null | boolean | number;
  }

  /** The value under an id, or undefined. */
  get(id: string): Plain | undefined {
    const found = this.#find(id);
    return found === undefined ? undefined : this.resolve(found);
  }

  #text(text: string, depth: number): Plain {
    const [, id] = REFERENCE.exec(text.trim()) ?? [];
    if (id !== undefined) {
      const found = this.#find(id);
      if (found === undefined) refuse(`inference.json: expected ${quoted(text)} to name an entry of it`);
      return this.resolve(found, depth + 1);
    }
    if (!text.startsWith("$")) return text;
    const plain = plainValue(text.slice(1));
    return plain === undefined ? new Expression(text) : plain;
  }

  #find(id: string): unknown {
    return id.split(/::|#/).reduce<unknown>((value, part) => {
      if (typeof value === "string") value = this.#raw(value);
      return typeof value === "object" && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string, unknown>)[part]
        : undefined;
    }, this.#root);
  }

  /** The entry that a text refers to, for ids that lead through it. */
  #raw(text: string): unknown {
    const [, id] = REFERENCE.exec(text.trim()) ?? [];
    return id === undefined ? text : this.#find(id);
  }
}

/** A value that Python and JSON write alike, but for names and brackets of tuples; undefined: it is something else. */
function plainValue(text: string): Plain | undefined {
  if (/["'\\]/.test(text)) {
    const [, word] = /^\s*(["'])([^"'\\]*)\1\s*$/.exec(text)?.slice(1) ?? [];
    return word;
  }
  const json = text.replaceAll("(", "[").replaceAll(")", "]")
    .replaceAll(/\bNone\b/g, "null").replaceAll(/\bTrue\b/g, "true").replaceAll(/\bFalse\b/g, "false")
    .replaceAll(/,\s*\]/g, "]");
  try {
    const value: Plain = JSON.parse(json);
    // brackets around one number are no tuple in Python
    return /^\s*\(/.test(text) && Array.isArray(value) && !text.includes(",") ? value[0] : value;
  } catch {
    return undefined;
  }
}
