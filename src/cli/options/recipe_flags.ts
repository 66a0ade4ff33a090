/** The flags of a training from the settings of its recipe: their names, their help, and what a user gave. */
import type { z } from "zod";
import { descriptionOf, wordingOf } from "../../train/mod.ts";
import { type Args, type Flags, refuse } from "../terminal/args.ts";

/** Settings by name, as a recipe's schema has them in its `shape`. */
export type Settings = Readonly<Record<string, z.ZodType>>;

/** `learningRate` → `learning-rate`. */
const flagName = (setting: string) => setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The settings that a flag can hold. */
function flagged(settings: Settings) {
  return Object.entries(settings).flatMap(([setting, schema]) => {
    const { expected, flag } = wordingOf(schema) ?? {};
    return flag === undefined ? [] : [{ setting, schema, expected, ...flag, name: flag.name ?? flagName(setting) }];
  });
}

/** A flag for every setting, explained by its description and by what it expects. */
export function recipeFlags(settings: Settings): Flags {
  return Object.fromEntries(
    flagged(settings).map(({ name, schema, value, expected }) => [
      name,
      { value, help: descriptionOf(schema) + (value.includes("|") ? "" : ` ${value} is ${expected}.`) },
    ]),
  );
}

/**
 * The settings that were given.
 * @throws {UsageError} a value that its setting does not take
 */
export function givenSettings(args: Args, settings: Settings): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const { setting, schema, name, expected, read } of flagged(settings)) {
    const word = args.text(name);
    if (word === undefined) continue;
    const { success, data } = schema.safeParse(read(word));
    if (!success) refuse(name, expected ?? "", word);
    given[setting] = data;
  }
  return given;
}

/** The object in a file of JSON, for `--recipe`; {} without the flag. */
export async function recipeFile(path: string | undefined): Promise<object> {
  if (path === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch {
    refuse("recipe", "a file with JSON", path);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("recipe", "a JSON object", path);
  return value;
}
