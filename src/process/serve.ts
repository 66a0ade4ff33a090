/**
 * The child's side of a supervised process: answers the requests that arrive as JSON lines on stdin.
 * Not a server: a child has one parent and ends with it.
 */
import { offerToOomKiller } from "./memory.ts";
import { inSpan } from "./trace.ts";
import { CLOSE, encodeError, type Message, READY, type Request } from "./wire.ts";

/** Answers one method; the result must be JSON. Throws to send an error. Several calls may run at the same time. */
export type Handler = (params: never) => unknown;

/** Sends an event line to the parent. */
export function emit(event: string, data?: unknown): void {
  send({ event, data });
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
  offerToOomKiller();
  // Ctrl-C reaches the whole process group, but the parent decides when its children end
  Deno.addSignalListener("SIGINT", () => {});
  const stdin = new Worker(import.meta.resolve("./_stdin_worker.ts"), { type: "module" });
  stdin.onmessage = ({ data }: MessageEvent<string | null>) => {
    if (data === null) emit(READY);
    else answer(JSON.parse(data), handlers);
  };
  return { removeWhenOrphaned: (folders) => stdin.postMessage(folders) };
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
