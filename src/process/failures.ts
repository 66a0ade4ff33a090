/** Reasons why a supervised process failed: codes and sentences, without paths or foreign text. */

export type ProcessErrorCode = "crashed" | "out-of-memory" | "timeout" | "failed" | "closed";

/**
 * A supervised process ended, was stopped or did not start. An error that it threw arrives as a `RemoteError` instead.
 */
export class ProcessError extends Error {
  override readonly name = "ProcessError";
  /** Somebody else ended it: the system, for the memory of the whole machine, or whoever may send signals. */
  readonly fromOutside: boolean;
  constructor(
    readonly code: ProcessErrorCode,
    message: string,
    { fromOutside = false, ...options }: ErrorOptions & { readonly fromOutside?: boolean } = {},
  ) {
    super(message, options);
    this.fromOutside = fromOutside;
  }
}

/** Signals that others send: no fault of a program raises them. */
const FOREIGN_SIGNALS: readonly (string | null)[] = ["SIGHUP", "SIGINT", "SIGKILL", "SIGTERM"];

/** Reports of missing memory by the runtimes of languages: V8, C++, Rust. */
const OUT_OF_MEMORY =
  /bad_?alloc|fail\w* to allocate|out ?of ?memory|allocation failed|memory allocation|not enough memory|Invalid array length/i;

/** True where a message reports that memory ran out. */
export function isOutOfMemory(message: string): boolean {
  return OUT_OF_MEMORY.test(message);
}

export interface LastWords {
  /** The end of what it wrote to stderr. Decides the code and stays out of the message. */
  readonly stderr: string;
  /** Linux has killed a process for lack of memory since this one started. */
  readonly memoryKilled: boolean;
  /** Recognises reports of missing memory on stderr. Default: those of language runtimes. */
  readonly isOutOfMemory?: (message: string) => boolean;
}

/** The reason why a process that nobody stopped has ended. */
export function crashOf(
  title: string,
  status: Deno.CommandStatus,
  { stderr, memoryKilled, isOutOfMemory: runsOut = isOutOfMemory }: LastWords,
): ProcessError {
  const how = status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
  const name = sentence(title);
  if (runsOut(stderr)) return new ProcessError("out-of-memory", `${name} ran out of memory and ended with ${how}`);
  const killed = status.signal === "SIGKILL" || status.code === 137;
  const fromOutside = killed || FOREIGN_SIGNALS.includes(status.signal);
  if (killed && memoryKilled) {
    return new ProcessError("out-of-memory", `${name} was ended by the system for lack of memory`, { fromOutside });
  }
  const perhaps = killed ? ", perhaps killed by the system for lack of memory" : "";
  return new ProcessError("crashed", `${name} ended unexpectedly with ${how}${perhaps}`, { fromOutside });
}

/** A title as the start of a sentence. */
export function sentence(title: string): string {
  return title[0].toUpperCase() + title.slice(1);
}
