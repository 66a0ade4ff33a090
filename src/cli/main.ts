/** The program `sulcus`: finds the command, runs it, and turns errors into exit codes. */
import project from "../../deno.json" with { type: "json" };
import { wrongBudgetVariable } from "../inference/mod.ts";
import { COMMANDS } from "./commands/commands.ts";
import { canonicalFlags } from "./options/images.ts";
import { parseCommand, UsageError } from "./terminal/args.ts";
import { failureOf } from "./terminal/errors.ts";
import { helpOf, overview } from "./terminal/help.ts";
import { type Io, processIo } from "./terminal/io.ts";

/** Runs one command line. @returns the exit code: 0 success, 1 failure, 2 wrong use */
export async function main(argv: readonly string[], io: Io): Promise<0 | 1 | 2> {
  const [first, ...rest] = argv;
  const command = COMMANDS.find(({ name }) => name === first);
  try {
    if (command === undefined) {
      if (first === "--version") io.out(project.version);
      else if (["--help", "-h", "help"].includes(first)) io.out(overview(COMMANDS, project.version));
      else throw new UsageError(unknown(first));
      return 0;
    }
    if (rest.includes("--help") || rest.includes("-h")) {
      io.out(helpOf(command));
      return 0;
    }
    const wrong = wrongBudgetVariable(io.env);
    if (wrong !== null) throw new UsageError(wrong);
    await command.run(parseCommand(command, canonicalFlags(rest)), io);
    return 0;
  } catch (error) {
    const failure = failureOf(error);
    if (argv.includes("--json")) io.out(JSON.stringify({ type: "error", ...failure }));
    io.err(`${failure.message}\n`);
    if (io.env.SULCUS_DEBUG === "1" && error instanceof Error) io.err(`${error.stack}\n`);
    if (!(error instanceof UsageError)) return 1;
    io.err(`See: sulcus ${command ? `${command.name} ` : ""}--help\n`);
    return 2;
  }
}

function unknown(word: string | undefined): string {
  const expected = `expected one of ${COMMANDS.map((c) => c.name).join(", ")}`;
  return `Cannot run: ${expected}, got ${word === undefined ? "nothing" : `"${word}"`}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
