/** Turns whatever was thrown into a problem, and logs those that are the server's fault. */
import type { Context } from "hono";
import { type Logger, traceOf } from "../../observe/log.ts";
import { problemOf, problemResponse } from "../problems.ts";
import type { Env } from "./request_id.ts";

export function errors(log: Logger) {
  return (error: Error, c: Context<Env>): Response => {
    const problem = problemOf(error);
    const { requestId, route } = c.var;
    if (problem.status >= 500) {
      const cause = problem.code === "internal" && problem.cause !== undefined ? problem.cause : error;
      log({ level: "error", event: "failure", requestId, route, ...traceOf(cause) });
    }
    return problemResponse(problem, requestId);
  };
}
