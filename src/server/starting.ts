/** Answers while the server opens its data: it lives, and that is all. */
import { SECURITY_HEADERS } from "./http/guard.ts";
import { CHECKS } from "./observe/health_checks.ts";
import { type Logger, traceOf } from "./observe/log.ts";
import { Problem, problemResponse } from "./http/problems.ts";
import { json } from "./http/route.ts";

const PENDING = Object.fromEntries(CHECKS.map((name) => [name, "pending"]));

export function startingHandler(log: Logger): (request: Request) => Response {
  return (request) => {
    const requestId = crypto.randomUUID();
    const response = reply(new URL(request.url).pathname, requestId, log);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
    response.headers.set("x-request-id", requestId);
    return response;
  };
}

function reply(path: string, requestId: string, log: Logger): Response {
  switch (path) {
    case "/health/live":
      return json({ status: "live" });
    case "/health/startup":
      return json({ status: "starting", checks: PENDING }, { status: 503 });
    case "/health/ready":
      return json({ status: "not-ready", checks: PENDING }, { status: 503 });
  }
  const problem = new Problem("starting", "Cannot answer yet: the server is starting");
  log({ level: "info", event: "request", requestId, route: "starting", status: problem.status, ...traceOf(problem) });
  return problemResponse(problem, requestId);
}
