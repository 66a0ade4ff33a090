/** Finds out who calls, and whether they may, before anything of the body is read. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { hasRole, type Identity, LOCAL, NOBODY } from "../../../identity/mod.ts";
import { addressOf } from "../address.ts";
import { cookieOf } from "../cookies.ts";
import { Problem } from "../problems.ts";
import { objectOf, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Env } from "./request_id.ts";

/** @throws {Problem} `login-required`, `too-many-requests`, `login-unavailable`, `busy` */
export function authenticate(route: Route, services: Services) {
  const { quotas, metrics } = services;
  return createMiddleware<Env>(async (c, next) => {
    c.set("address", addressOf(c.req.raw, c.env?.remoteAddr, services.settings.trustedProxies));
    const identity = await callerOf(c, route, services);
    c.set("identity", identity);
    if (route.permits !== "everyone") {
      if (identity === NOBODY) {
        metrics.authFailures.add({ reason: "no-login" });
        throw new Problem("login-required", "Cannot answer without knowing who you are: log in, or send a token");
      }
      quotas.request(identity);
    }
    await next();
  });
}

/**
 * Refuses whoever lacks the role, and what others have. A refusal is an event of the audit trail.
 * @throws {Problem} `not-permitted`; `not-found`, as for what does not exist
 */
export async function authorise(
  route: Route,
  { identity, params, services: { access, metrics } }: {
    readonly identity: Identity;
    readonly params: Readonly<Record<string, string>>;
    readonly services: Pick<Services, "access" | "metrics">;
  },
): Promise<void> {
  if (route.permits === "everyone") return;
  if (!hasRole(identity, route.permits)) {
    metrics.authFailures.add({ reason: "role" });
    throw new Problem("not-permitted", `Cannot do this: expected the role ${route.permits}, which you do not have`);
  }
  const object = objectOf(route, params);
  if (object !== null) await access.check(identity, object);
}

async function callerOf(
  c: Context<Env>,
  { permits, path }: Route,
  { logins, metrics, settings }: Services,
): Promise<Identity> {
  if (logins.kind === "none") return LOCAL;
  if (path.startsWith("/health/")) return NOBODY; // probes must not wait for the database
  const request = c.req.raw;
  const proof = {
    authorization: request.headers.get("authorization"),
    session: cookieOf(request, settings, "session"),
    address: c.var.address,
  };
  try {
    return await logins.identify(proof);
  } catch (error) {
    if (permits === "everyone") return NOBODY;
    metrics.authFailures.add({ reason: "invalid" });
    throw error;
  }
}
