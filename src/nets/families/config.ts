/** Checks the configuration that a model package carries against a network's defaults. Not a schema language. */

/** The values of a configuration: whole numbers ≥ 1, lists of them of a fixed length, and switches. */
type Field = number | readonly number[] | boolean;

const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 1;

/** The rule for a field with this default, in the words of the error. */
function expectation(like: Field): { text: string; fits: (v: unknown) => boolean } {
  if (typeof like === "boolean") return { text: "true or false", fits: (v) => typeof v === "boolean" };
  if (typeof like === "number") return { text: "a whole number ≥ 1", fits: isCount };
  return {
    text: `${like.length} whole numbers ≥ 1`,
    fits: (v) => Array.isArray(v) && v.length === like.length && v.every(isCount),
  };
}

/**
 * `given` completed by `defaults`, frozen. Every field must be known and of its default's kind.
 * @throws {TypeError} a field is unknown or of another kind
 */
export function configOf<C extends object>(
  net: string,
  { given, defaults }: { given: Readonly<Record<string, unknown>>; defaults: C },
): Readonly<C> {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TypeError(
        `Cannot configure ${net}: expected fields among ${Object.keys(defaults).join(", ")}, got ${name}`,
      );
    }
    const { text, fits } = expectation((defaults as Record<string, Field>)[name]);
    if (!fits(value)) {
      throw new TypeError(`Cannot configure ${net}: expected ${name} to be ${text}, got ${JSON.stringify(value)}`);
    }
  }
  return Object.freeze({ ...defaults, ...given });
}
