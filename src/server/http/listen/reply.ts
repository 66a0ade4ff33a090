/** Writes a web `Response` to a client, no faster than the client reads. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

export type Outgoing = ServerResponse | Http2ServerResponse;

/**
 * Sends the whole reply.
 * @param gone aborts when the client hangs up: the reply's body is cancelled
 */
export async function send(reply: Response, to: Outgoing, gone: AbortSignal): Promise<void> {
  to.statusCode = reply.status;
  for (const [name, value] of reply.headers) {
    if (name !== "set-cookie") to.setHeader(name, value);
  }
  const cookies = reply.headers.getSetCookie();
  if (cookies.length > 0) to.setHeader("set-cookie", cookies);
  if (gone.aborted) return await reply.body?.cancel();
  if (reply.body === null) {
    to.end();
    return;
  }
  const reader = reply.body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  gone.addEventListener("abort", cancel, { once: true });
  try {
    await sendBody(reader, to, gone);
  } catch (error) {
    // The header is out: only an end in the middle tells the client that the reply is incomplete.
    to.destroy();
    throw error;
  } finally {
    gone.removeEventListener("abort", cancel);
  }
}

async function sendBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  to: Outgoing,
  gone: AbortSignal,
): Promise<void> {
  let { done, value } = await reader.read();
  if (!done && !to.hasHeader("content-length")) {
    // Where the first chunk is all there is, the reply says its length.
    const next = reader.read();
    const length = value!.length;
    const only = await Promise.race([next.then((n) => n.done, () => false), nextTurn()]);
    if (only) to.setHeader("content-length", length);
    await write(to, value!, gone);
    ({ done, value } = await next);
  }
  for (; !done; { done, value } = await reader.read()) await write(to, value!, gone);
  if (!gone.aborted) to.end();
}

/** Resolves to false when what was ready has run. */
function nextTurn(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 0));
}

async function write(to: Outgoing, bytes: Uint8Array, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return;
  // The two classes write alike, but TypeScript cannot call a union of overloads.
  const taken = "stream" in to ? to.write(bytes) : to.write(bytes);
  if (!taken) await once(to, "drain", { signal: gone }).catch(() => {}); // the client hung up
}
