/** JSON of strangers: what it holds can be stored, and is shallow enough for every function that walks it. */

/** Deeper than any description of a model or a data set; what walks values recursively has room for many times that. */
const MOST_LEVELS = 64;

/**
 * Parses JSON that a client or a file brought.
 * @throws {SyntaxError} no JSON; a NUL character or half a surrogate pair, which a database cannot hold; too many levels
 */
export function parseForeignJson(text: string): unknown {
  if (levelsIn(text) > MOST_LEVELS) throw new SyntaxError(`Cannot take JSON of more than ${MOST_LEVELS} levels`);
  const value: unknown = JSON.parse(text);
  const wrong = unstorable(value);
  if (wrong !== null) throw new SyntaxError(`Cannot take JSON with ${wrong}`);
  return value;
}

/** What a value holds that can be neither stored nor walked; null: nothing. */
export function unstorable(value: unknown): string | null {
  const left: { value: unknown; level: number }[] = [{ value, level: 1 }];
  for (let next; (next = left.pop());) {
    const { value, level } = next;
    if (level > MOST_LEVELS + 1) return `more than ${MOST_LEVELS} levels`;
    if (typeof value === "string" && value.includes("\0")) return "a NUL character";
    if (typeof value === "string" && !value.isWellFormed()) return "half a surrogate pair";
    if (typeof value !== "object" || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) left.push({ value: key, level });
      left.push({ value: inner, level: level + 1 });
    }
  }
  return null;
}

/** How deep brackets are nested outside strings. A loop: a pattern would take quadratic time on unclosed strings. */
function levelsIn(text: string): number {
  let level = 0;
  let most = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "[" || c === "{") most = Math.max(most, ++level);
    else if (c === "]" || c === "}") level--;
  }
  return most;
}
