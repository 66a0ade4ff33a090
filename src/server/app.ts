/**
 * The Hono app: the middleware in the order in which it runs, then the routes. It opens nothing and listens nowhere.
 */
import { Hono } from "hono";
import { audited } from "./http/audited.ts";
import { authenticate, authorise } from "./http/middleware/authenticate.ts";
import { errors } from "./http/middleware/errors.ts";
import { guard, securityHeaders } from "./http/middleware/guard.ts";
import { limits } from "./http/middleware/limits.ts";
import { observe } from "./http/middleware/observe.ts";
import { type Env, requestId } from "./http/middleware/request_id.ts";
import { Problem } from "./http/problems.ts";
import { pathPattern, type Route } from "./http/route.ts";
import { runRoute } from "./http/run_route.ts";
import type { Services } from "./http/services.ts";
import { ROUTES } from "./routes/routes.ts";

export function createApp(services: Services): Hono<Env> {
  const { settings, log } = services;
  const app = new Hono<Env>();
  app.use(
    requestId,
    observe(services),
    securityHeaders,
    guard(settings),
  );
  for (const route of ROUTES) {
    app.on(
      route.method,
      honoPath(route.path),
      (c, next) => {
        c.set("route", route.path);
        return next();
      },
      authenticate(route, services),
      limits(route, settings.limits),
      async (c) => {
        const params = c.req.param();
        const { identity, address, requestId } = c.var;
        const reply = await audited(
          route,
          { params, services, who: identity, requestId, from: address },
          async (witness) => {
            await authorise(route, { identity, params, services });
            using _place = route.reads && services.admission.enter(identity);
            return await runRoute(route, c.req.raw, { params, services, identity, address, witness });
          },
        );
        return withoutBodyForHead(c.req.raw, reply);
      },
    );
  }
  app.notFound((c) => {
    throw noRoute(c.req.path);
  });
  app.onError(errors(log));
  return app;
}

/** `/v1/jobs/{id}` → `/v1/jobs/:id` */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** A reply to HEAD has the headers of the one to GET; its body, which may be an open file, is closed. */
async function withoutBodyForHead(request: Request, response: Response): Promise<Response> {
  if (request.method !== "HEAD") return response;
  await response.body?.cancel();
  return new Response(null, response);
}

function noRoute(path: string): Problem {
  const allowed = methodsOf(path, ROUTES);
  if (allowed.length === 0) return new Problem("unknown-route", "Cannot find this route; /docs lists all of them");
  const allow = allowed.join(", ");
  return new Problem("method-not-allowed", `Cannot use this method here: this route takes ${allow}`, {
    headers: { allow },
  });
}

/** The methods that the routes of a path take; a path that is named itself is none of those with parameters. */
export function methodsOf(path: string, routes: readonly Route[]): string[] {
  const named = routes.filter((route) => route.path === path);
  const found = named.length > 0 ? named : routes.filter((route) => pathPattern(route).test(path));
  const methods = new Set<string>(found.map((route) => route.method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods].sort();
}
