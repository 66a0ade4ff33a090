/**
 * Reads of files from strangers: one task, one child process, with bounds of memory and time, confined to the files that
 * it is given. What it parses can neither end this process nor fill its memory.
 */
import { DomainError, type DomainErrorCode } from "../storage/mod.ts";
import { isOutOfMemory, ProcessError } from "./failures.ts";
import { serve } from "./serve.ts";
import { SupervisedProcess } from "./supervised_process.ts";
import { RemoteError } from "./wire.ts";
import type { Confinement } from "./command.ts";

export interface Bounds {
  /** Memory that the work may take beside the runtime's own, bytes. */
  readonly memoryBytes: number;
  readonly timeoutMs: number;
}

/** Half of this machine's memory, 1 to 8 GiB: the largest ONNX file has 2 GiB and is read into some copies. */
export const DEFAULT_BOUNDS: Bounds = {
  memoryBytes: Math.min(Math.max(Deno.systemMemoryInfo().total / 2, 2 ** 30), 8 * 2 ** 30),
  timeoutMs: 300_000,
};

/** The code of a refusal where a child ends unexpectedly, and how each refusal begins: "Cannot import the weights". */
export interface LimitedRefusal {
  readonly code: string;
  readonly start: string;
}

export interface LimitedTask<Task> extends Omit<Confinement, "memoryBytes"> {
  readonly task: Task;
  readonly refusal: LimitedRefusal;
  readonly bounds?: Bounds;
  /** Environment variables beside the inherited ones. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Ends the child. */
  readonly signal?: AbortSignal;
}

/** Time to start a process on a machine that is busy with a training, ms. */
export const START_MS = 120_000;

/** The method by which a program of {@link answerLimited} takes its task. */
export const RUN = "run";

/**
 * Runs a program that calls {@link answerLimited} on one task.
 * @throws {DomainError} `too-much-work`: it takes more memory or time than its bounds; the code of `refusal`: it ends its
 * process; `worker-crashed`: something else ended that, or it did not start; those that the program throws
 * @example await runLimited(import.meta.resolve("./_parser.ts"), { task: { path }, reads: [path], writes: [], refusal })
 */
export async function runLimited<Task, Reply>(
  program: string,
  { task, refusal, bounds = DEFAULT_BOUNDS, env, signal, ...paths }: LimitedTask<Task>,
): Promise<Reply> {
  const { memoryBytes, timeoutMs } = bounds;
  const confinement = { ...paths, memoryBytes };
  const child = new SupervisedProcess({ title: "the reading process", module: program, env, confinement }, () => {});
  const stop = (why: "failed" | "timeout" | "closed") =>
    child.kill(new ProcessError(why, "The reading process was stopped"));
  // Before it is ready it has not seen the file: what happens until then is no fault of that.
  let timer = setTimeout(() => stop("failed"), START_MS);
  const abort = () => stop("closed");
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await child.ready.catch(notStarted);
    clearTimeout(timer);
    timer = setTimeout(() => stop("timeout"), timeoutMs);
    return await child.call(RUN, task) as Reply; // the program's `answerLimited` made it
  } catch (error) {
    throw refusalOf(error, refusal, bounds);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    child.kill(new ProcessError("closed", "The reading process has been closed"));
    await child.ended;
  }
}

/** The failure of a child before it was ready: whatever ended it, it was not its task. @throws {unknown} */
export function notStarted(error: unknown): never {
  const isFailure = error instanceof ProcessError && error.code !== "closed";
  throw isFailure ? new ProcessError("failed", error.message, { cause: error }) : error;
}

/** What a caller is told of the failure of a child that reads with bounds, or of an error that its program threw. */
export function refusalOf(
  error: unknown,
  { code, start }: LimitedRefusal,
  { memoryBytes, timeoutMs }: Bounds,
): unknown {
  const tooMuch = (least: string) =>
    new DomainError("too-much-work", `${start}: it takes more than the ${least} that are allowed`, { cause: error });
  const failure = failureOf(error), memory = `${Math.round(memoryBytes / 2 ** 20)} MiB of memory`;
  const notNow = (why: string) =>
    new DomainError("worker-crashed", `${start} now: the process that reads it ${why}`, { cause: error });
  if (failure === "failed" && error instanceof Error && failureOf(error.cause) === "out-of-memory") {
    return notNow(`does not start with ${memory}; an administrator may allow more`);
  }
  if (failure === "failed") return notNow("did not start; try again");
  if (error instanceof ProcessError && error.fromOutside) return notNow("was ended from outside; try again");
  if (failure === "out-of-memory") return tooMuch(memory);
  if (failure === "timeout") return tooMuch(`${timeoutMs / 1000} s`);
  if (failure === "closed") return nobodyWaits(start);
  if (failure !== null) {
    return new DomainError<string>(code, `${start}: the process that reads it failed`, { cause: error });
  }
  if (!(error instanceof RemoteError) || error.name !== "DomainError") return error;
  return new DomainError(error.code as DomainErrorCode, error.message, { cause: error }); // of this program's own table
}

/** Whoever asked has left. */
export function nobodyWaits(start: string): DomainError<"stopping"> {
  return new DomainError("stopping", `${start}: nobody waits for it any more`);
}

function failureOf(error: unknown): ProcessError["code"] | null {
  if (error instanceof ProcessError) return error.code;
  return error instanceof RemoteError && error.name === OUT_OF_MEMORY ? "out-of-memory" : null;
}

const OUT_OF_MEMORY = "OutOfMemory";

/** The child's report that an allocation failed which did not end it. */
class OutOfMemory extends Error {
  override readonly name = OUT_OF_MEMORY;
}

/**
 * Answers the task of {@link runLimited}; called once by its program. `refused` makes an answer of what `answer` throws;
 * default: the error reaches the caller.
 */
export function answerLimited<Task, Reply>(
  answer: (task: Task) => Promise<Reply>,
  refused?: (error: unknown) => Reply,
): void {
  serve({
    async [RUN](task: Task): Promise<Reply> {
      try {
        return await answer(task);
      } catch (error) {
        if (error instanceof Error && isOutOfMemory(error.message)) throw new OutOfMemory();
        if (refused === undefined) throw error;
        return refused(error);
      }
    },
  });
}
