/** The words after a script's name. `--help` prints the comment at the script's head. Not the command line of `sulcus`. */
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Words that name no flag or value: the program prints why and ends with 2. */
export class UsageError extends Error {}

/** The comment that a script begins with. */
export function headOf(source: string): string {
  const [, comment = ""] = /^\/\*\*\s*(?:\* )?([^]*?)\s*\*\//.exec(source) ?? [];
  return comment.replace(/\n \* ?/g, "\n");
}

/** `parseArgs()` of Node, with our words. @throws {UsageError} */
export function readFlags<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const known = Object.keys(config.options ?? {}).map((name) => `--${name}`).join(", ");
    const [, flag] = /'(-[^' ]*)/.exec(message) ?? [];
    const why = code === "ERR_PARSE_ARGS_UNKNOWN_OPTION"
      ? `unknown flag ${flag}, expected some of ${known}`
      : code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE"
      ? `expected ${flag} ${/does not take/.test(message) ? "without" : "with"} a value`
      : `expected flags only, some of ${known}`;
    throw new UsageError(`Cannot run this script: ${why}. See --help`);
  }
}

/** The flags of the script that runs; ends it as {@link runScript} does. */
export function flagsOf<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  showHelp();
  try {
    return readFlags(config);
  } catch (error) {
    return refuse(error);
  }
}

/** The numbers that a flag takes: whole ones unless it says otherwise. */
export interface NumberRange {
  readonly from?: number;
  readonly above?: number;
  readonly isWhole?: boolean;
}

/** The number of a flag, `--seed 1`. @throws {UsageError} another word, or none */
export function readNumber(flag: string, word: string | undefined, range: NumberRange = {}): number {
  const { from = -Infinity, above = -Infinity, isWhole = true } = range;
  const value = word === undefined || word.trim() === "" ? NaN : Number(word);
  if (Number.isFinite(value) && value >= from && value > above && (!isWhole || Number.isInteger(value))) return value;
  const least = range.from !== undefined ? ` from ${from}` : range.above !== undefined ? ` above ${above}` : "";
  throw new UsageError(
    `Cannot run this script: expected ${flag} with a ${isWhole ? "whole " : ""}number${least}, got ` +
      `${word === undefined ? "none" : JSON.stringify(word)}. See --help`,
  );
}

/** As {@link readNumber}, for the script that runs; ends it as {@link runScript} does. */
export function numberOf(flag: string, word: string | undefined, range?: NumberRange): number {
  try {
    return readNumber(flag, word, range);
  } catch (error) {
    return refuse(error);
  }
}

/** Ends the script that runs with 2: words that it needs are missing or wrong. */
export function refuseWords(why: string): never {
  return refuse(new UsageError(`Cannot run this script: ${why}. See --help`));
}

/** Runs a script; ends it with its comment for `--help`, and with the reason and 2 where its words are wrong. */
export async function runScript(main: (words: readonly string[]) => Promise<void>): Promise<void> {
  showHelp();
  await main(Deno.args).catch(refuse);
}

function showHelp(): void {
  if (!Deno.args.includes("--help")) return;
  console.log(headOf(Deno.readTextFileSync(new URL(Deno.mainModule))));
  Deno.exit(0);
}

function refuse(error: unknown): never {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
