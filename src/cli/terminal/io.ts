/** The terminal and process of a command. Tests pass a fake; nothing else in this room touches the process. */
import { standWithUser } from "./standing.ts";

export interface Io {
  /** Prints one line of the result on standard output. */
  out(line: string): void;
  /** Writes progress, notes and refusals to standard error, without adding a line end. */
  err(text: string): void;
  /** Standard error is a terminal, whose line can be rewritten. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Handles Ctrl-C and SIGTERM until disposed: the first one aborts `signal`, a second one ends the process. */
  interrupts(): { readonly signal: AbortSignal } & Disposable;
}

/** Red on a terminal that shows colours. */
export const inRed = (text: string, { isTerminal, env }: Pick<Io, "isTerminal" | "env">) =>
  isTerminal && !env.NO_COLOR ? `\x1b[31m${text}\x1b[0m` : text;

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** The terminal and environment of this process; relative paths start where the user stands. */
export const processIo = (): Io => ({
  out: (line) => console.log(line),
  err: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  isTerminal: Deno.stderr.isTerminal(),
  get columns() {
    return Deno.stderr.isTerminal() ? Deno.consoleSize().columns : 80;
  },
  env: standWithUser(Deno.env.toObject()),
  interrupts() {
    const controller = new AbortController();
    const listener = () => controller.signal.aborted ? Deno.exit(1) : controller.abort();
    for (const signal of SIGNALS) Deno.addSignalListener(signal, listener);
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        for (const signal of SIGNALS) Deno.removeSignalListener(signal, listener);
      },
    };
  },
});
