/** Refuses what is not yet a request: the reply is written to the connection, which is closed after it. */
import type { Duplex } from "node:stream";
import { Problem, problemResponse } from "../problems.ts";

/** Writes a problem and closes the connection. */
export function refuse(connection: Duplex, problem: Problem): void {
  void write(connection, problem).catch(() => connection.destroy());
}

/** Refuses what `node:http` could not read. Where a reply is on its way already, the connection is only closed. */
export function refuseMalformed(
  error: { readonly code?: string },
  connection: Duplex & { _httpMessage?: unknown },
): void {
  // `_httpMessage` is the reply in progress: a second header in the middle of it would be taken for its body.
  if (!connection.writable || connection._httpMessage) connection.destroy();
  else refuse(connection, problemOfParser(error.code));
}

/** Tunnels to other servers are for proxies. */
export function noTunnels(): Problem {
  return new Problem("method-not-allowed", "Cannot open a tunnel: this server is no proxy");
}

function problemOfParser(code: string | undefined): Problem {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Problem("request-timeout", "Cannot wait longer: the request did not arrive in time");
    case "HPE_HEADER_OVERFLOW":
      return new Problem("header-too-large", "Cannot read the request: its header or its address is too long");
    default:
      return new Problem("malformed-request", "Cannot read the request: it is no HTTP/1.1");
  }
}

async function write(connection: Duplex, problem: Problem): Promise<void> {
  const response = problemResponse(problem, crypto.randomUUID());
  const body = await response.text();
  response.headers.set("content-length", String(new TextEncoder().encode(body).length));
  response.headers.set("connection", "close");
  const head = [
    `HTTP/1.1 ${response.status} Refused`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
  ];
  connection.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  connection.once("finish", () => connection.destroy());
}
