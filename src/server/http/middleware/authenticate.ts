/** Finds out who calls. */
import { createMiddleware } from "hono/factory";
import { LOCAL } from "../../../identity/mod.ts";
import type { Env } from "./request_id.ts";

export function authenticate() {
  return createMiddleware<Env>(async (c, next) => {
    c.set("identity", LOCAL);
    await next();
  });
}
