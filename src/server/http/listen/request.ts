/** A message of `node:http` or `node:http2` as a web `Request`. */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Problem } from "../problems.ts";

export type Incoming = IncomingMessage | Http2ServerRequest;

/** A host's name or address and its port, as RFC 9110 section 7.2 has them, without user names. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i;

export interface RequestOptions {
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  /** `127.0.0.1:8080`: where a client of HTTP/1.0 that names no host reached the server. */
  readonly listening: string;
  readonly scheme: "http" | "https";
  /** Called when somebody begins to read the body. */
  readonly onRead: () => void;
  /** The methods that a path takes. */
  readonly methodsOf: (path: string) => readonly string[];
}

/** @throws {Problem} `malformed-request`, `method-not-allowed` */
export function requestOf(
  message: Incoming,
  { signal, listening, scheme, onRead, methodsOf }: RequestOptions,
): Request {
  const method = message.method ?? "";
  const target = message.url ?? "";
  const hosts = valuesOf(message, message.httpVersionMajor === 2 ? ":authority" : "host");
  const host = hosts[0] ?? (message.httpVersion === "1.0" ? listening : undefined);
  if (hosts.length > 1 || host === undefined || !isHost(host)) {
    throw new Problem("malformed-request", "Cannot read the request: expected one host with a port of 1 to 65535");
  }
  const url = target.startsWith("/") ? `${scheme}://${host}${target}` : target;
  if (!isPlainUrl(url)) {
    throw new Problem("malformed-request", "Cannot read the request: expected a path that begins with /");
  }
  const hasBody = message.headers["content-length"] !== undefined && message.headers["content-length"] !== "0" ||
    message.headers["transfer-encoding"] !== undefined || message.httpVersionMajor === 2 && !message.readableEnded;
  const body = hasBody && method !== "GET" && method !== "HEAD" ? bodyOf(message, onRead) : null;
  try {
    return new Request(url, { method, headers: headersOf(message), body, signal });
  } catch (error) { // the methods that a web request cannot have, such as TRACE
    throw new Problem("method-not-allowed", "Cannot take this method: no route has it", {
      cause: error,
      headers: { allow: methodsOf(new URL(url).pathname).join(", ") },
    });
  }
}

function isHost(host: string): boolean {
  const found = HOST.exec(host);
  return found !== null && Number(found[1] ?? 80) <= 65535 && Number(found[1] ?? 80) > 0 &&
    URL.canParse(`http://${host}/`);
}

/** True for an address of a web server without a user's name. */
function isPlainUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host, username, password } = new URL(url);
  return /^https?:$/.test(protocol) && isHost(host) && username === "" && password === "";
}

function valuesOf({ rawHeaders }: Incoming, name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === name);
}

function headersOf({ rawHeaders }: Incoming): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!rawHeaders[i].startsWith(":")) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  }
  return headers;
}

/**
 * The body, read as somebody wants it. Everything that has arrived is taken as one array of its own, so chunks of one
 * byte neither take a turn each nor keep the buffers in which they came.
 */
function bodyOf(message: Incoming, onRead: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let begun = false;
  let arrived = Promise.withResolvers<void>();
  const wake = () => {
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  let failure: Error | undefined;
  message.on("readable", wake).on("end", wake).on("close", wake).on("error", (error) => {
    failure = error;
    wake();
  });
  return new ReadableStream({
    async pull(controller) {
      if (!begun) onRead();
      begun = true;
      for (;;) {
        const next = arrived.promise;
        const bytes: Uint8Array<ArrayBuffer> | null = message.read(message.readableLength);
        if (bytes !== null) return controller.enqueue(new Uint8Array(bytes));
        if (message.readableEnded) return controller.close();
        if (failure !== undefined || message.destroyed) {
          return controller.error(failure ?? new Error("The connection ended before the body was complete"));
        }
        await next;
      }
    },
  }, { highWaterMark: 0 });
}
