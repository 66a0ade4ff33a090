/**
 * The Hono app: every route of the table behind one edge that names requests, guards, times, logs and turns errors into
 * problems. It opens nothing and listens nowhere.
 */
import { type Context, Hono } from "hono";
import { guard, SECURITY_HEADERS } from "./guard.ts";
import { traceOf } from "../observe/log.ts";
import { Problem, problemOf, problemResponse } from "./problems.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "../routes/routes.ts";
import { runRoute } from "./run_route.ts";
import type { Services } from "../services.ts";

interface Env {
  Variables: { requestId: string; route: string };
}

/** Request ids that are taken over from the client or a proxy. */
const REQUEST_ID = /^[\w.:-]{8,64}$/;

export function createApp(services: Services): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    const start = performance.now();
    const asked = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(asked) ? asked : crypto.randomUUID();
    c.set("requestId", requestId);
    c.set("route", "unknown");
    await next();
    c.res.headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    const { method } = c.req.raw;
    const { status } = c.res;
    const ms = performance.now() - start;
    const route = c.get("route");
    services.metrics.request({ method: knownMethod(method), route, status, seconds: ms / 1000 });
    if (WATCHED.test(route)) return;
    services.log({
      level: "info",
      event: "request",
      requestId,
      method: knownMethod(method),
      route,
      status,
      ms: round(ms),
    });
  });
  app.use(async (c, next) => {
    guard(c.req.raw, services.settings);
    await next();
  });
  for (const route of ROUTES) {
    app.on(route.method, honoPath(route.path), async (c) => {
      c.set("route", route.path);
      return withoutBodyForHead(c.req.raw, await runRoute(route, c.req.raw, { params: c.req.param(), services }));
    });
  }
  app.notFound((c) => {
    const allowed = methodsOf(c.req.path, ROUTES);
    if (allowed.length === 0) throw new Problem("unknown-route", "Cannot find this route; /docs lists all of them");
    const allow = allowed.join(", ");
    throw new Problem("method-not-allowed", `Cannot ${c.req.raw.method} here: this route takes ${allow}`, {
      headers: { allow },
    });
  });
  app.onError((error, c) => refuse(error, c, services));
  return app;
}

function refuse(error: Error, c: Context<Env>, { log }: Services): Response {
  const problem = problemOf(error);
  const requestId = c.get("requestId");
  if (problem.status >= 500) {
    const cause = problem.code === "internal" && problem.cause !== undefined ? problem.cause : error;
    log({ level: "error", event: "failure", requestId, route: c.get("route"), ...traceOf(cause) });
  }
  return problemResponse(problem, requestId);
}

/** `/v1/jobs/{id}` → `/v1/jobs/:id` */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** The methods that the routes of a path take. */
export function methodsOf(path: string, routes: readonly Route[]): string[] {
  const fits = routes.filter((route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path));
  const methods = new Set<string>(fits.map((route) => route.method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods].sort();
}

/** A reply to HEAD has the headers of the one to GET; its body, an open file perhaps, is let go. */
async function withoutBodyForHead(request: Request, response: Response): Promise<Response> {
  if (request.method !== "HEAD") return response;
  await response.body?.cancel();
  return new Response(null, response);
}

/** Asked every few seconds by whoever watches the server; counted, but not logged. */
const WATCHED = /^\/(health\/|metrics$)/;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** Clients can send any word; metrics and logs take only those that exist. */
function knownMethod(method: string): string {
  return METHODS.includes(method) ? method : "other";
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
