/**
 * The child's side of a supervised process: answers requests that come as JSON lines on stdin.
 * Not a server: one parent, and the process dies with it.
 */
import { offerToOomKiller } from "./memory.ts";
import { CLOSE, encodeError, type Message, READY, type Request } from "./wire.ts";

/** Answers one method; the result must be JSON. Throws to send an error. Several calls may run at the same time. */
export type Handler = (params: never) => unknown;

/** Sends an event line to the parent. */
export function emit(event: string, data?: unknown): void {
  send({ event, data });
}

/** The thread that waits for the parent's end. */
export interface ParentWatch {
  /** Folders to remove when the parent is gone without having closed this process. */
  removeWhenOrphaned(folders: readonly string[]): void;
}

/**
 * Serves `handlers` until the parent asks to close or is gone. A handler called `close` runs before the process ends.
 * Stdin is watched in a thread of its own, so the process ends at once even inside a long native call.
 * `console.log` goes to stderr from here on: stdout belongs to the protocol.
 */
export function serve(handlers: Readonly<Record<string, Handler>>): ParentWatch {
  console.log = console.info = console.debug = console.error;
  offerToOomKiller();
  Deno.addSignalListener("SIGINT", () => {}); // Ctrl-C reaches the whole group; the parent decides when to end
  const stdin = new Worker(import.meta.resolve("./_stdin_worker.ts"), { type: "module" });
  stdin.onmessage = ({ data }: MessageEvent<string | null>) => {
    if (data === null) emit(READY);
    else answer(JSON.parse(data), handlers);
  };
  return { removeWhenOrphaned: (folders) => stdin.postMessage(folders) };
}

async function answer({ id, method, params }: Request, handlers: Readonly<Record<string, Handler>>): Promise<void> {
  try {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handler === undefined && method !== CLOSE) throw new TypeError(`Cannot call "${method}": no such method`);
    send({ id, result: await handler?.(params as never) ?? null });
  } catch (error) {
    send({ id, error: encodeError(error) });
  }
  if (method === CLOSE) Deno.exit(0);
}

function send(message: Message): void {
  const bytes = new TextEncoder().encode(JSON.stringify(message) + "\n");
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}
