/**
 * The parts that recipes are made of. A setting is a zod schema with a wording: how messages and the command line write
 * it. Requests, flags, checks and documents derive from these schemas, so that a bound stands once.
 */
import { z } from "zod";
import { TrainingError } from "../types.ts";

/** How people write a setting outside JSON. */
export interface Wording {
  /** Completes "expected recipe.x to be …". */
  readonly expected: string;
  /** Present where a flag of a command can hold the setting. */
  readonly flag?: {
    /** Default: the setting's name. */
    readonly name?: string;
    /** Stands for the value in the help. */
    readonly value: string;
    /** Completes "expected …" of the flag, where that differs from the setting. */
    readonly expected?: string;
    /** The JSON value that a word means; the schema checks it. */
    readonly read: (word: string) => unknown;
  };
}

const WORDINGS = z.registry<Wording>();

/** Gives a schema its wording. */
export function worded<T extends z.ZodType>(schema: T, wording: Wording): T {
  WORDINGS.add(schema, wording);
  return schema;
}

/** The wording of a setting, also of one that may be absent. */
export function wordingOf(schema: z.core.$ZodType): Wording | undefined {
  return WORDINGS.get(schema) ?? (mayBeAbsent(schema) ? wordingOf(schema.unwrap()) : undefined);
}

/** The description of a setting, also of one that may be absent. */
export function descriptionOf(schema: z.core.$ZodType): string {
  return z.globalRegistry.get(schema)?.description ?? (mayBeAbsent(schema) ? descriptionOf(schema.unwrap()) : "");
}

function mayBeAbsent(schema: z.core.$ZodType): schema is z.ZodOptional | z.ZodDefault {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
}

const asNumber = (word: string) => (/^[\d.]+(e-?\d+)?$/i.test(word) ? Number(word) : word);

/** A whole number; without `most` every safe one from `least`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER) {
  const isOpen = most === Number.MAX_SAFE_INTEGER;
  const expected = isOpen ? `a whole number ≥ ${least}` : `a whole number from ${least} to ${most}`;
  return worded(z.int().min(least).max(most), { expected, flag: { value: "N", read: asNumber } });
}

/** A real number: `from` and `to` are allowed, `above` and `below` are not. */
export function number({ from, above, to, below }: { from?: number; above?: number; to?: number; below?: number }) {
  const limits = [
    { at: from, check: z.gte, word: "from" },
    { at: above, check: z.gt, word: "above" },
    { at: to, check: z.lte, word: above === undefined ? "to" : "up to" },
    { at: below, check: z.lt, word: "and below" },
  ].flatMap(({ at, ...limit }) => (at === undefined ? [] : [{ at, ...limit }]));
  return worded(z.number().check(...limits.map(({ at, check }) => check(at))), {
    expected: ["a number", ...limits.map(({ at, word }) => `${word} ${at}`)].join(" "),
    flag: { value: "X", read: asNumber },
  });
}

/** One of several words. */
export function choice<const T extends readonly string[]>(words: T) {
  const expected = words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return worded(z.enum(words), { expected, flag: { value: "NAME", read: (word) => word } });
}

/** A preset in words for users. */
export interface PresetSummary {
  /** Whom it is for: "a GPU, hours". */
  readonly for: string;
  readonly does: string;
}

/** The choice of a preset, described by their summaries; absent, it is `otherwise`. */
export function presetChoice<N extends string>(presets: Readonly<Record<N, PresetSummary>>, otherwise: NoInfer<N>) {
  const summaries = Object.entries<PresetSummary>(presets).map(([name, { for: whom, does }]) =>
    `${name}${name === otherwise ? " (default)" : ""}: ${does}, for ${whom}`
  );
  return choice(Object.keys(presets) as N[]).describe(`${summaries.join("; ")}.`).default(otherwise);
}

/** `true` or `false`. */
export function yesOrNo() {
  const read = (word: string) => (word === "true" ? true : word === "false" ? false : word);
  return worded(z.boolean(), { expected: "true or false", flag: { value: "true|false", read } });
}

/** The same setting, or null. */
export function orNull<T extends z.ZodType>(schema: T) {
  const { expected, flag } = wordingOf(schema)!;
  const read = (word: string) => (word === "none" ? null : flag?.read(word));
  return worded(schema.nullable(), {
    expected: `${expected} or null`,
    flag: flag && { ...flag, expected: `${flag.expected ?? expected} or none`, read },
  });
}

/** One value an axis: [X, Y, Z]. */
export function triple<T extends z.ZodType>(axis: T, expected: string) {
  return worded(z.tuple([axis, axis, axis]), { expected });
}

const MOST_EDGE = 256;

/** The strides of most networks divide it; a network that needs more refuses other crops itself. */
const EDGE_STEP = 16;

/** Edges of the crops that networks are trained on and of their windows. */
export const CROP_EDGE = {
  multiple: EDGE_STEP,
  most: MOST_EDGE,
  expected: `a multiple of ${EDGE_STEP} from ${EDGE_STEP} to ${MOST_EDGE}`,
} as const;

/** A crop's size in voxels; a flag gives the edge of a cube. */
export function cropSize() {
  const { multiple, most, expected } = CROP_EDGE;
  const size = triple(z.int().min(multiple).max(most).multipleOf(multiple), "");
  const read = (word: string) => Array(3).fill(asNumber(word));
  return worded(size, {
    expected: `three multiples of ${multiple} up to ${most}`,
    flag: { value: "N", expected, read },
  });
}

const MOST_WINDOW = 1024;

/** A window's size in voxels, whatever its network's strides. */
export function windowSize() {
  return triple(z.int().min(1).max(MOST_WINDOW), `three whole numbers from 1 to ${MOST_WINDOW}`);
}

type Wish<T extends z.core.$ZodType> = z.ZodOptional<
  T extends z.ZodObject<infer S> ? z.ZodObject<{ [K in keyof S]: z.ZodOptional<S[K]> }, z.core.$strict> : T
>;

/** The settings as a user may wish for them: each may be absent, and so may each part of a setting that has parts. */
export function wishes<S extends z.core.$ZodShape>(settings: S): { [K in keyof S]: Wish<S[K]> } {
  const asWish = (schema: z.core.$ZodType) =>
    z.optional(
      schema instanceof z.ZodObject ? schema.partial().register(z.globalRegistry, schema.meta() ?? {}) : schema,
    );
  return Object.fromEntries(Object.entries(settings).map(([name, schema]) => [name, asWish(schema)])) as {
    [K in keyof S]: Wish<S[K]>;
  };
}

/** `values` with the present wishes in their place; of a setting with parts, the parts. */
export function completed(values: object, wished: object): object {
  const merged = new Map<string, unknown>(Object.entries(values));
  for (const [name, wish] of Object.entries(wished)) {
    const value = merged.get(name);
    if (wish !== undefined) merged.set(name, isObject(wish) && isObject(value) ? { ...value, ...wish } : wish);
  }
  return Object.fromEntries(merged);
}

const isObject = (v: unknown): v is object => typeof v === "object" && v !== null && !Array.isArray(v);

/** A type of which nothing can be changed. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The purpose of a recipe, in messages. */
export type Training = "fine-tune" | "pre-train";

/**
 * `recipe` as `schema` reads it.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected
 */
export function readRecipe<T extends z.ZodType>(schema: T, recipe: unknown, training: Training): z.output<T> {
  const { data, error } = schema.safeParse(recipe);
  if (error === undefined) return data;
  const [issue] = error.issues;
  const unknown = issue.code === "unrecognized_keys" ? [issue.keys[0]] : [];
  const { path, expected } = settingAt(schema, [...issue.path, ...unknown].map(String));
  refuseSetting(training, path, { expected, got: path.reduce((value, key) => Object(value)[key], recipe) });
}

/** The deepest named setting on an issue's path. */
function settingAt(schema: z.core.$ZodType, path: readonly string[]): { path: string[]; expected: string } {
  let at = schema, depth = 0;
  for (; depth < path.length; depth++) {
    while (mayBeAbsent(at)) at = at.unwrap();
    if (!(at instanceof z.ZodObject)) break;
    at = at.shape[path[depth]];
    if (at === undefined) return { path: path.slice(0, depth + 1), expected: "absent: there is no such setting" };
  }
  return { path: path.slice(0, depth), expected: wordingOf(at)?.expected ?? "an object" };
}

/** @throws {TrainingError} always */
export function refuseSetting(
  training: Training,
  path: readonly string[],
  { expected, got }: { expected: string; got: unknown },
): never {
  const name = ["recipe", ...path].join(".");
  throw new TrainingError(
    "invalid-recipe",
    `Cannot ${training}: expected ${name} to be ${expected}, got ${JSON.stringify(got)}`,
  );
}
