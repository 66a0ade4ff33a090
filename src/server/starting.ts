/** The app while the data directory is opened: it lives, and refuses everything else. */
import { Hono } from "hono";
import { securityHeaders } from "./http/middleware/guard.ts";
import { type Env, requestId } from "./http/middleware/request_id.ts";
import { Problem, problemResponse } from "./http/problems.ts";
import { json } from "./http/reply.ts";
import { CHECKS } from "./observe/health.ts";
import { type Logger, traceOf } from "./observe/log.ts";

export function createStartingApp(log: Logger): Hono<Env> {
  const checks = Object.fromEntries(CHECKS.map((name) => [name, "pending"]));
  const app = new Hono<Env>();
  app.use(requestId, securityHeaders);
  app.all("/health/live", () => json({ status: "live" }));
  app.all("/health/startup", () => json({ status: "starting", checks }, { status: 503 }));
  app.all("/health/ready", () => json({ status: "not-ready", checks }, { status: 503 }));
  app.notFound((c) => {
    const { requestId } = c.var;
    const problem = new Problem("starting", "Cannot answer yet: the server is starting");
    log({ level: "info", event: "request", requestId, route: "starting", status: problem.status, ...traceOf(problem) });
    return problemResponse(problem, requestId);
  });
  return app;
}
