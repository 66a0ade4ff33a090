/** Names every request, so that a reply, a line of the log and a user's report can be matched. */
import { createMiddleware } from "hono/factory";
import type { Client } from "../listen/listener.ts";
import { type Identity, NOBODY } from "../../../identity/mod.ts";

/** Facts about one request that middleware and handlers share. */
export interface Env {
  /** What the listener knows of the connection; absent in tests without one. */
  Bindings: Client | undefined;
  Variables: {
    requestId: string;
    /** Pattern of the route that takes the request; "unknown" before one is found. */
    route: string;
    /** Address of the client. */
    address: string;
    /** Who calls. */
    identity: Identity;
  };
}

/** Ids that are kept when a client or a proxy sends them. */
const REQUEST_ID = /^[\w.:-]{8,64}$/;

export const requestId = createMiddleware<Env>(async (c, next) => {
  const sent = c.req.header("x-request-id") ?? "";
  const id = REQUEST_ID.test(sent) ? sent : crypto.randomUUID();
  c.set("requestId", id);
  c.set("route", "unknown");
  c.set("address", "unknown");
  c.set("identity", NOBODY);
  await next();
  c.res.headers.set("x-request-id", id);
});
