/** Counts and logs every request once its reply is known. */
import { createMiddleware } from "hono/factory";
import type { Services } from "../services.ts";
import type { Env } from "./request_id.ts";

/** Monitors call these every few seconds: they are counted, but not logged. */
const WATCHED = /^\/(health\/|metrics$)/;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

export function observe({ metrics, log }: Pick<Services, "metrics" | "log">) {
  return createMiddleware<Env>(async (c, next) => {
    const start = performance.now();
    await next();
    const ms = performance.now() - start;
    // A client can send any word as its method; labels and log entries hold only those that exist.
    const method = METHODS.includes(c.req.method) ? c.req.method : "other";
    const { route, requestId } = c.var;
    const { status } = c.res;
    metrics.request({ method, route, status, seconds: ms / 1000 });
    if (WATCHED.test(route)) return;
    log({ level: "info", event: "request", requestId, method, route, status, ms: Math.round(ms * 10) / 10 });
  });
}
