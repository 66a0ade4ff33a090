/** Refuses bodies by their announced length, before a byte of them is read. `bodyChunks()` bounds the real length. */
import { createMiddleware } from "hono/factory";
import type { Limits } from "../../settings.ts";
import { tooLarge } from "../body.ts";
import { maxBytesOf, type Route } from "../route.ts";

/** @throws {Problem} `too-large` */
export function limits({ body }: Route, bounds: Limits) {
  const most = body === undefined ? Infinity : maxBytesOf(body, bounds);
  return createMiddleware(async (c, next) => {
    if (Number(c.req.header("content-length") ?? 0) > most) throw tooLarge(most);
    await next();
  });
}
