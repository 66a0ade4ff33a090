/** Help texts, written from the records of the commands. */
import type { Command } from "./args.ts";

/** Terminals are at least so wide. */
const WIDTH = 80;
/** Longer flags have their help below them. */
const LEFT = 36;
/** Before a flag, so that none stands apart from its value. */
const FLAG = / (?=[[-])/;

export function helpOf({ name, summary, usage, flags, notes }: Command): string {
  const left = Object.entries(flags).map(([flag, { value }]) => `  --${flag}${value ? ` ${value}` : ""}`);
  const column = 2 + Math.max(...left.map((l) => l.length).filter((length) => length <= LEFT));
  const rows = Object.values(flags).map(({ help }, i) => {
    const start = left[i].length < column ? left[i].padEnd(column) : `${left[i]}\n${" ".repeat(column)}`;
    return start + wrap(help, column);
  });
  return [
    ...filled(`sulcus ${name}: ${summary}`),
    "",
    ...usageLines(usage),
    "",
    ...rows,
    "",
    ...filled(notes),
  ].join("\n");
}

export function overview(commands: readonly Command[], version: string): string {
  return [
    ...filled(`Sulcus ${version}: segments and classifies brain MRI, and fine-tunes networks on your own cases.
For research; not a medical device.`),
    "",
    "Usage: sulcus COMMAND [flags]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(10)}${wrap(summary, 12)}`),
    "",
    ...filled("`sulcus COMMAND --help` explains a command. Exit codes: 0 success, 1 failure, 2 wrong use."),
  ].join("\n");
}

/** Command lines; one that begins with spaces continues the one before. */
function usageLines(usage: readonly string[]): string[] {
  return usage.join("\n").replace(/\n +/g, " ").split("\n")
    .map((line, i) => `${i === 0 ? "Usage:" : "      "} sulcus ${wrap(line, 16, FLAG)}`);
}

/**
 * Notes, broken anew: a line break stays where a sentence ends, and before and after a line that begins with spaces, such
 * as a row of a table of two columns.
 */
function filled(notes: string): string[] {
  const lines: string[] = [];
  for (const line of notes.trim().split("\n")) {
    const last = lines.at(-1);
    const stays = last === undefined || line.startsWith(" ") || last.startsWith(" ") || /^$|[.:]$/.test(last);
    if (stays) lines.push(line);
    else lines[lines.length - 1] = `${last} ${line}`;
  }
  return lines.map((line) => {
    const [, left, text] = /^( +\S+(?: \S+)* {2,}| *)(.*)$/.exec(line)!;
    return left + wrap(text, left.length);
  });
}

/** Breaks a text at its spaces so that it stays right of `column`. */
function wrap(text: string, column: number, space: string | RegExp = " "): string {
  const lines = [""];
  for (const word of text.split(space)) {
    const line = lines[lines.length - 1];
    if (line !== "" && column + line.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n" + " ".repeat(column));
}
