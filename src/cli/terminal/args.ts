/** A command is one record, from which its command line is parsed and checked and its help is written. */
import { parseArgs } from "node:util";
import type { Io } from "./io.ts";

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Flag {
  /** Placeholder of the value in the help; absent: a switch. */
  readonly value?: string;
  readonly help: string;
}
export type Flags = Readonly<Record<string, Flag>>;

export interface Command {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  /** Command lines, without the leading `sulcus`. */
  readonly usage: readonly string[];
  readonly flags: Flags;
  /** How many words it takes besides flags. Default 0. */
  readonly words?: number;
  /** Facts that a user needs besides the flags. */
  readonly notes: string;
  run(args: Args, io: Io): Promise<void>;
}

/** A parsed command line. Every method throws a {@link UsageError} that names the flag. */
export class Args {
  readonly words: readonly string[];
  /** Flags with a value, in the order in which they were written. */
  readonly given: readonly string[];
  readonly #values: ReadonlyMap<string, string | true>;

  constructor(words: readonly string[], values: ReadonlyMap<string, string | true>) {
    this.words = words;
    this.#values = values;
    this.given = [...values.keys()];
  }

  is(flag: string): boolean {
    return this.#values.has(flag);
  }

  text(flag: string): string | undefined {
    const value = this.#values.get(flag);
    return value === true ? undefined : value;
  }

  required(flag: string): string {
    return this.text(flag) ?? wrong(`Cannot run: expected --${flag}, got none`);
  }

  oneOf<T extends string>(flag: string, choices: readonly T[]): T | undefined {
    const value = this.text(flag);
    const found = choices.find((c) => c === value);
    if (value !== undefined && found === undefined) refuse(flag, `one of ${choices.join(", ")}`, value);
    return found;
  }

  whole(flag: string, { least, most }: { least: number; most: number }): number | undefined {
    const value = this.text(flag);
    if (value === undefined) return undefined;
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    return number >= least && number <= most ? number : refuse(flag, `a whole number from ${least} to ${most}`, value);
  }
}

export function wrong(message: string): never {
  throw new UsageError(message);
}

/** A count of words, as messages say it. */
const counted = (words: number) => words === 1 ? "1 word" : `${words} words`;

/**
 * Refuses too few or too many words after an action.
 * @param kinds what the words mean, such as NAME; the last one in brackets may be left out
 */
export function checkWords(action: string, kinds: readonly string[], words: readonly string[]): void {
  const least = kinds.filter((kind) => !kind.startsWith("[")).length;
  if (words.length >= least && words.length <= kinds.length) return;
  const got = words.length === 0 ? "none" : counted(words.length);
  wrong(`Cannot run ${action}: expected ${kinds.join(" ") || "nothing more"}, got ${got}`);
}

/** Refuses the value of a flag. */
export function refuse(flag: string, expected: string, got: string): never {
  throw new UsageError(`Cannot use --${flag}: expected ${expected}, got "${got}"`);
}

/** @throws {UsageError} an unknown flag, a flag without its value or given twice, too many words */
export function parseCommand({ name, flags, words = 0 }: Command, argv: readonly string[]): Args {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(flags).map((
        [flag, { value }],
      ) => [flag, { type: value ? "string" as const : "boolean" as const }]),
    ),
  });
  const found: string[] = [];
  const values = new Map<string, string | true>();
  for (const token of tokens) {
    if (token.kind === "positional") found.push(token.value);
    if (token.kind !== "option") continue;
    const flag = token.name;
    if (!Object.hasOwn(flags, flag)) wrong(`Cannot run ${name}: unknown flag ${token.rawName}`);
    if (values.has(flag)) wrong(`Cannot run ${name}: --${flag} is given twice`);
    if (flags[flag].value === undefined) {
      if (token.value !== undefined) wrong(`Cannot use --${flag}: it takes no value`);
      values.set(flag, true);
    } else {
      // "--out --json": the value was forgotten; "--steps -5": it is a wrong number.
      const forgotten = !token.value || (!token.inlineValue && /^-(?!\d)/.test(token.value));
      if (forgotten) wrong(`Cannot use --${flag}: expected a value (${flags[flag].value}), got none`);
      values.set(flag, token.value!);
    }
  }
  if (found.length > words) {
    wrong(
      `Cannot run ${name}: expected ${words === 0 ? "flags only" : `at most ${counted(words)}`}, got "${found[words]}"`,
    );
  }
  return new Args(found, values);
}
