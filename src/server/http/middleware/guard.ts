/**
 * Keeps other web sites out: a page in somebody's browser must neither send requests in their name nor reach a server
 * on their machine under a name of its own (DNS rebinding). Not a login.
 */
import { createMiddleware } from "hono/factory";
import { LOOPBACK_HOSTS, type ServerSettings } from "../../settings.ts";
import { Problem } from "../problems.ts";

const SAFE = ["GET", "HEAD", "OPTIONS"];

type Names = Pick<ServerSettings, "host" | "allowedHosts" | "publicUrl" | "insecure" | "login">;

/**
 * Checks where a request comes from and which name it was sent to.
 * Source: Sec-Fetch-Site and Origin as in Go's net/http CrossOriginProtection.
 * @throws {Problem} `unknown-host`, `cross-origin`
 */
export function guard(names: Names) {
  return createMiddleware(async (c, next) => {
    check(c.req.raw, names);
    await next();
  });
}

/** Names that an operator gave the server. */
function givenNames({ allowedHosts, publicUrl }: Pick<Names, "allowedHosts" | "publicUrl">): readonly string[] {
  return [...allowedHosts, ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname])];
}

/** The names under which browsers may reach a server; null: any, where an operator gave up on them. */
export function knownNames(
  { host, insecure, ...names }: Omit<Names, "login">,
): readonly string[] | null {
  const given = givenNames(names);
  if (insecure && given.length === 0 && !LOOPBACK_HOSTS.includes(host)) return null;
  return [...new Set([...LOOPBACK_HOSTS, host, ...given])];
}

/** Probes, and scrapes by those who have a login, come to an address instead of a name, and no browser sends them. */
function takesAnyName(path: string, login: Names["login"]): boolean {
  return path.startsWith("/health/") || (path === "/metrics" && login.kind !== "none");
}

function check(request: Request, names: Names): void {
  const { method, headers } = request;
  const { hostname: asked, pathname } = new URL(request.url);
  const known = knownNames(names);
  if (known !== null && !known.includes(asked) && !takesAnyName(pathname, names.login)) {
    throw new Problem("unknown-host", "Cannot answer under this name: it is none of the server's; see --allowed-hosts");
  }
  if (SAFE.includes(method)) return;
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  const isOwn = site !== null
    ? site === "same-origin" || site === "none"
    : origin === null || isSameHost(origin, request, givenNames(names));
  if (!isOwn) throw new Problem("cross-origin", "Cannot take this request: it was sent by a page of another site");
}

/** `given`: names under which the server is reached, perhaps through a proxy that sends it another one. */
function isSameHost(origin: string, request: Request, given: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  return host === new URL(request.url).host || given.includes(hostname);
}

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Gives every reply the strictest headers, except where the reply sets its own. */
export const securityHeaders = createMiddleware(async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
});
