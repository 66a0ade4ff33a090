/** Help texts, written from the records of the commands. */
import type { Command } from "./args.ts";

const WIDTH = 100;

export function helpOf({ name, summary, usage, flags, notes }: Command): string {
  const left = Object.entries(flags).map(([flag, { value }]) => `  --${flag}${value ? ` ${value}` : ""}`);
  const column = Math.max(...left.map((l) => l.length)) + 2;
  const rows = Object.values(flags).map(({ help }, i) => left[i].padEnd(column) + wrap(help, column));
  return [
    `sulcus ${name}: ${summary}`,
    "",
    ...usage.map((line, i) =>
      `${i === 0 ? "Usage: " : "       "}${line.startsWith(" ") ? "      " : "sulcus"} ${line}`
    ),
    "",
    ...rows,
    "",
    notes.trim(),
  ].join("\n");
}

export function overview(commands: readonly Command[], version: string): string {
  return [
    `Sulcus ${version}: segments and classifies brain MRI, and fine-tunes networks on your own cases.`,
    "For research; not a medical device.",
    "",
    "Usage: sulcus COMMAND [flags]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`),
    "",
    "`sulcus COMMAND --help` explains a command. Exit codes: 0 success, 1 failure, 2 wrong use.",
  ].join("\n");
}

/** Breaks a text so that it stays right of `column`. */
function wrap(text: string, column: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && column + line.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n" + " ".repeat(column));
}
