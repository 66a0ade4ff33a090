/**
 * Attacks a running service from outside, as somebody without a login who reaches its port: what it replies with, what it
 * shows, and whether others are still served meanwhile. It knows the service by its OpenAPI document alone.
 */
import { exchange } from "../fuzz/exchange.ts";

/** What went wrong, in words; empty: the service withstood. */
export async function attack(url: string): Promise<string[]> {
  const parts = [withoutLogin, underOtherNames, outsideOfFolders, stalledConnections, nonsense];
  const found: string[] = [];
  for (const part of parts) found.push(...await part(url));
  if ((await raw(url, `GET /health/live HTTP/1.1\r\n${HEAD}\r\n`)).status !== 200) {
    found.push("The service is not alive");
  }
  return found;
}

const HEAD = "Host: 127.0.0.1\r\nConnection: close\r\n";
const ID = "00000000-0000-4000-8000-000000000001";

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly "x-permits": string }>>>>;
}

/** Every route that asks for a role refuses a caller who shows none, before it reads a body. */
async function withoutLogin(url: string): Promise<string[]> {
  const { paths }: Document = await (await fetch(`${url}/openapi.json`)).json();
  const found: string[] = [];
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation["x-permits"] === "everyone") continue;
      const address = path.replaceAll(/\{\w+\}/g, ID);
      const { status } = await raw(
        url,
        `${method.toUpperCase()} ${address} HTTP/1.1\r\n${HEAD}Content-Length: 0\r\n\r\n`,
      );
      if (status !== 401) found.push(`${method.toUpperCase()} ${path} replies ${status} without a login`);
    }
  }
  return found;
}

/** A page of another site that points its own name at the service (DNS rebinding) gets nothing. */
async function underOtherNames(url: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of ["attacker.example", "127.0.0.1.attacker.example", "[::ffff:1.2.3.4]", "a:99999", ""]) {
    const { status } = await raw(url, `GET /v1/models HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
    if (status === 200 || status >= 500) found.push(`Under the name "${name}" the service replies ${status}`);
  }
  return found;
}

async function outsideOfFolders(url: string): Promise<string[]> {
  const found: string[] = [];
  for (
    const path of [
      "/page/..%2f..%2f..%2f..%2fetc%2fpasswd",
      "/page/%2e%2e/deno.json",
      "/../../etc/passwd",
      "/page/%00",
      "//etc/passwd",
    ]
  ) {
    const { status, text } = await raw(url, `GET ${path} HTTP/1.1\r\n${HEAD}\r\n`);
    if (status === 200 || status >= 500 || text.includes("root:")) found.push(`GET ${path} replies ${status}`);
  }
  return found;
}

/** Connections that send half a header and wait must not keep others out. */
async function stalledConnections(url: string): Promise<string[]> {
  const stalled: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 20; i++) {
      const connection = await Deno.connect(addressOf(url));
      await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127"));
      stalled.push(connection);
    }
    const { status } = await raw(url, `GET /health/live HTTP/1.1\r\n${HEAD}\r\n`);
    return status === 200 ? [] : [`With 20 stalled connections /health/live replies ${status}`];
  } finally {
    for (const connection of stalled) connection.close();
  }
}

/** Requests that are none, or that two programs in a row could read in two ways (smuggling). */
async function nonsense(url: string): Promise<string[]> {
  const requests = [
    "\0\0\0\0\r\n\r\n",
    `GET / HTTP/9.9\r\n${HEAD}\r\n`,
    `POST /login HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    `POST /login HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HEAD}X: ${"a".repeat(200_000)}\r\n\r\n`,
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\n${HEAD}\r\n`,
    `POST /login HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: -1\r\n\r\n`,
  ];
  const found: string[] = [];
  for (const [i, request] of requests.entries()) {
    const { status } = await raw(url, request);
    if (status >= 500 || (status === 200 && i !== 1)) found.push(`Nonsense ${i} gets ${status}`);
  }
  return found;
}

function addressOf(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port) };
}

const REPLY_MS = 20_000;

/** Sends text as it is. Status 0: the connection was ended without a reply. */
async function raw(url: string, request: string): Promise<{ status: number; text: string }> {
  const bytes = await exchange(addressOf(url), new TextEncoder().encode(request), { replyMs: REPLY_MS });
  const text = new TextDecoder().decode(bytes);
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0), text };
}
