/** Traces, counts and logs every request once its reply is known. */
import type { Context, Next } from "hono";
import { createMiddleware } from "hono/factory";
import { inSpan } from "../../../process/mod.ts";
import type { Services } from "../services.ts";
import type { Env } from "./request_id.ts";

/** Monitors call these every few seconds: they are counted, but not logged. */
const WATCHED = /^\/(health\/|metrics$)/;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

export function observe({ metrics, log }: Pick<Services, "metrics" | "log">) {
  return createMiddleware<Env>(async (c, next) => {
    const start = performance.now();
    if (WATCHED.test(c.req.path)) await next();
    else await traced(c, next);
    const ms = performance.now() - start;
    const method = methodOf(c);
    const { route, requestId } = c.var;
    const { status } = c.res;
    metrics.request({ method, route, status, seconds: ms / 1000 });
    if (WATCHED.test(route)) return;
    log({ level: "info", event: "request", requestId, method, route, status, ms: Math.round(ms * 10) / 10 });
  });
}

/** A client can send any word as its method; labels, spans and log entries hold only those that exist. */
function methodOf(c: Context<Env>): string {
  return METHODS.includes(c.req.method) ? c.req.method : "other";
}

/** Runs a request in a span of its route: an address holds names of cases. */
async function traced(c: Context<Env>, next: Next): Promise<void> {
  const method = methodOf(c);
  const parent = c.req.header("traceparent") ?? null;
  await inSpan(method, { parent, takes: "request", attributes: { "http.request.method": method } }, async (span) => {
    await next();
    const { route } = c.var;
    const { status } = c.res;
    span.rename(`${method} ${route}`);
    span.set({ "http.route": route, "http.response.status_code": status });
    if (status >= 500) span.fail(String(status));
  });
}
