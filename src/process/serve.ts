/**
 * The child's side of a supervised process: answers the requests that arrive as JSON lines on stdin.
 * Not a server: a child has one parent and ends with it.
 */
import { inSpan, traceparent } from "./trace.ts";
import { type Answer, CLOSE, decodeError, encodeError, type Message, READY, type Request } from "./wire.ts";

/** Answers one method; the result must be JSON. Throws to send an error. Several calls may run at the same time. */
export type Handler = (params: never) => unknown;

/** Sends an event line to the parent. */
export function emit(event: string, data?: unknown): void {
  send({ event, data });
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What this process has asked its parent for. A process has one parent. */
const asked = new Map<number, Waiting>();
let nextQuestion = 1;

/**
 * Asks the parent for what this process may not do itself.
 * @throws what the parent's answer throws, as `TypeError`, `RangeError`, `SyntaxError` or `RemoteError`
 */
export function ask(method: string, params: unknown): Promise<unknown> {
  const question = nextQuestion++;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  asked.set(question, { resolve, reject });
  send({ question, method, params, parent: traceparent() });
  return promise;
}

/** The thread that notices the parent's end. */
export interface ParentWatch {
  /** Removes these folders if the parent ends without having closed this process. */
  removeWhenOrphaned(folders: readonly string[]): void;
}

/**
 * Serves `handlers` until the parent asks to close or has ended. A handler called `close` runs before the process ends.
 * Stdin is watched in a thread of its own, so the process ends at once even inside a long native call.
 * From here on `console.log` writes to stderr: stdout carries the protocol.
 */
export function serve(handlers: Readonly<Record<string, Handler>>): ParentWatch {
  console.log = console.info = console.debug = console.error;
  // Ctrl-C reaches the whole process group, but the parent decides when its children end
  Deno.addSignalListener("SIGINT", () => {});
  const stdin = new Worker(import.meta.resolve("./_stdin_worker.ts"), { type: "module" });
  stdin.onmessage = ({ data }: MessageEvent<string | null>) => {
    if (data === null) return emit(READY);
    const message: Request | Answer = JSON.parse(data);
    if ("question" in message) takeAnswer(message);
    else answer(message, handlers);
  };
  return { removeWhenOrphaned: (folders) => stdin.postMessage(folders) };
}

function takeAnswer({ question, ...outcome }: Answer): void {
  const waiting = asked.get(question);
  asked.delete(question);
  if ("error" in outcome) waiting?.reject(decodeError(outcome.error));
  else waiting?.resolve(outcome.result);
}

async function answer(
  { id, method, params, trace }: Request,
  handlers: Readonly<Record<string, Handler>>,
): Promise<void> {
  try {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handler === undefined && method !== CLOSE) throw new TypeError(`Cannot call "${method}": no such method`);
    const run = async () => await handler?.(params as never) ?? null;
    send({ id, result: await (trace ? inSpan(trace.name, { parent: trace.parent }, run) : run()) });
  } catch (error) {
    send({ id, error: encodeError(error) });
  }
  if (method === CLOSE) Deno.exit(0);
}

function send(message: Message): void {
  const bytes = new TextEncoder().encode(JSON.stringify(message) + "\n");
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}
