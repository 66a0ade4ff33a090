/** A step of a bundle's configuration (`_target_` and its arguments), read argument by argument. */
import { quoted } from "../../../tensor/mod.ts";
import { refuse } from "../preset.ts";
import { Expression, type Plain } from "./references.ts";

/** The name of MONAI's class without its module and without the ending of dictionary transforms; `Pad` ends in d by itself. */
const nameOf = (target: string) => target.split(".").at(-1)!.replace(/(?<=[a-z])(Dict|D|(?<!Pa)d)$/, "");

export class Step {
  readonly name: string;
  readonly #arguments: { readonly [key: string]: Plain };

  constructor(value: Plain) {
    if (value instanceof Expression) {
      refuse(`inference.json: expected a step as data, got the expression ${shown(value)}`);
    }
    if (!isDict(value) || typeof value._target_ !== "string") {
      refuse(`inference.json: expected a step with "_target_", got ${quoted(JSON.stringify(value).slice(0, 80))}`);
    }
    this.#arguments = value;
    this.name = nameOf(value._target_);
  }

  get disabled(): boolean {
    const value = this.#arguments._disabled_;
    if (value instanceof Expression) this.refuse(`expected _disabled_ to be true or false, got ${shown(value)}`);
    return value === true || value === "true" || value === "True";
  }

  /** An argument; absent ones and None give the default. @throws {TypeError} it is an expression, or of another kind */
  #get<T>(key: string, is: (value: Plain) => value is Plain & T, expected: string): T | undefined {
    const value = this.#arguments[key];
    if (value === undefined || value === null) return undefined;
    if (is(value)) return value;
    return this.refuse(`expected ${key} to be ${expected}, got ${shown(value)}`);
  }

  number = (key: string) => this.#get(key, isNumber, "a number");
  boolean = (key: string) => this.#get(key, isBoolean, "true or false");
  text = (key: string) => this.#get(key, isText, "a word");

  /** One number, or a list of numbers. */
  numbers(key: string): readonly number[] | undefined {
    const value = this.#get(key, isNumberOrList, "a number or a list of numbers");
    return typeof value === "number" ? [value] : value;
  }

  /** One number for all three axes, or one for each. */
  triple(key: string): readonly [number, number, number] | undefined {
    const found = this.numbers(key);
    if (found === undefined) return undefined;
    const [x, y = x, z = x] = found;
    if (found.length === 1 || found.length === 3) return [x, y, z];
    return this.refuse(`expected ${key} to have one number or three, got ${found.length}`);
  }

  /** One word or number, or a list of them of which all are equal. */
  word(key: string): string | number | undefined {
    const value = this.#arguments[key];
    const all = Array.isArray(value) ? value : [value];
    if (all.every((item) => item === all[0])) {
      const [first] = all;
      if (first === undefined || first === null) return undefined;
      if (typeof first === "string" || typeof first === "number") return first;
    }
    return this.refuse(`expected one ${key} for all, got ${shown(value)}`);
  }

  /** The keys of the dictionary that the step works on; empty where it names none. */
  get keys(): readonly string[] {
    const { keys = [] } = this.#arguments;
    const all: readonly Plain[] = Array.isArray(keys) ? keys : [keys];
    return all.filter((key) => typeof key === "string");
  }

  /** An argument as it stands. */
  raw(key: string): Plain | undefined {
    return this.#arguments[key] ?? undefined;
  }

  has(key: string): boolean {
    return this.#arguments[key] !== undefined && this.#arguments[key] !== null;
  }

  /** @throws {TypeError} the argument is given with another value than this */
  only(key: string, ...allowed: readonly Plain[]): void {
    const value = this.#arguments[key];
    if (value === undefined || allowed.includes(value)) return;
    this.refuse(`expected ${key} ${allowed.map((v) => JSON.stringify(v)).join(" or ")}, got ${shown(value)}`);
  }

  refuse(why: string): never {
    return refuse(`inference.json: ${this.name}: ${why}`);
  }
}

/** The steps of a list, or of a `Compose`, without those that are switched off. */
export function stepsOf(value: Plain | undefined): Step[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(stepsOf);
  if (isDict(value) && value._target_ === undefined && value.transforms !== undefined) return stepsOf(value.transforms);
  const step = new Step(value);
  if (step.disabled) return [];
  return /^(Compose|Flatten|Sequential)$/.test(step.name) && isDict(value) ? stepsOf(value.transforms) : [step];
}

const isDict = (value: Plain): value is { readonly [key: string]: Plain } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Expression);
const isNumber = (value: Plain): value is number => typeof value === "number";
const isBoolean = (value: Plain): value is boolean => typeof value === "boolean";
const isText = (value: Plain): value is string => typeof value === "string";
const isNumberOrList = (value: Plain): value is number | readonly number[] =>
  isNumber(value) || (Array.isArray(value) && value.length > 0 && value.every(isNumber));

/** A value for a message: its JSON, or the expression that nobody ran. */
function shown(value: Plain | undefined): string {
  if (value instanceof Expression) {
    return `the expression ${quoted(value.text.slice(0, 80))}, which is not run: write its value in the file`;
  }
  return quoted((JSON.stringify(value) ?? "nothing").slice(0, 80));
}
