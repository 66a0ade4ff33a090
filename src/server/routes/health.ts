/** Health routes, for whoever starts and watches the server. */
import type { HealthReport } from "../observe/health_checks.ts";
import { healthSchema, liveSchema } from "../schemas/replies.ts";
import { json, route } from "../http/route.ts";

const tag = "Service";

function reply({ ready, checks }: HealthReport, [yes, no]: readonly [string, string]): Response {
  return json({ status: ready ? yes : no, checks }, { status: ready ? 200 : 503 });
}

const healthReplies = (good: string) => ({
  200: { description: good, content: { "application/json": healthSchema } },
  503: { description: "Not yet, or not now", content: { "application/json": healthSchema } },
});

export const HEALTH_ROUTES = [
  route({
    method: "GET",
    path: "/health/live",
    tag,
    summary: "Whether the process answers",
    description: "Waits for nothing.",
    replies: { 200: { description: "It does", content: { "application/json": liveSchema } } },
    refusals: [],
    handle: () => json({ status: "live" }),
  }),
  route({
    method: "GET",
    path: "/health/startup",
    tag,
    summary: "Whether the server has started",
    replies: healthReplies("It was ready once"),
    refusals: [],
    handle: async ({ services }) => reply(await services.health.started(), ["started", "starting"]),
  }),
  route({
    method: "GET",
    path: "/health/ready",
    tag,
    summary: "Whether the server can take work",
    replies: healthReplies("Database, storage, device and models are there"),
    refusals: [],
    handle: async ({ services }) => reply(await services.health.ready(), ["ready", "not-ready"]),
  }),
];
