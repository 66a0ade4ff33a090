/** The service itself: health, versions and metrics, for whoever operates it. */
import project from "../../../deno.json" with { type: "json" };
import { hasRole } from "../../identity/mod.ts";
import { knownNames } from "../http/middleware/guard.ts";
import { json } from "../http/reply.ts";
import { route } from "../http/route.ts";
import type { HealthReport } from "../observe/health.ts";
import { renderGauges } from "../observe/gauges.ts";
import { healthSchema, liveSchema, versionReplySchema } from "../schemas/replies.ts";
import { ONNXRUNTIME_VERSION, type ServerSettings, SULCUS_VERSION } from "../settings.ts";

const tag = "Service";
/** Longest wait for the devices, which are probed just after the start. */
const PROBE_MS = 10_000;
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What keeps strangers out, for an administrator to see. */
function protectionOf(settings: ServerSettings) {
  const { host, insecure, tls, publicUrl, login } = settings;
  const names = knownNames(settings);
  return {
    login: login.kind,
    insecure,
    listensOn: host,
    names: names === null ? "any" : [...names],
    tls: tls !== undefined,
    ...(publicUrl !== undefined && { publicUrl }),
  };
}

function reply({ ready, checks }: HealthReport, [yes, no]: readonly [string, string]): Response {
  return json({ status: ready ? yes : no, checks }, { status: ready ? 200 : 503 });
}

const healthReplies = (good: string) => ({
  200: { description: good, content: { "application/json": healthSchema } },
  503: { description: "It is not", content: { "application/json": healthSchema } },
});

export const SERVICE_ROUTES = [
  route({
    method: "GET",
    path: "/health/live",
    permits: "everyone",
    tag,
    summary: "Liveness: the process answers",
    description: "Checks nothing else.",
    replies: { 200: { description: "It answers", content: { "application/json": liveSchema } } },
    refusals: [],
    handle: () => json({ status: "live" }),
  }),
  route({
    method: "GET",
    path: "/health/startup",
    permits: "everyone",
    tag,
    summary: "Start: the server was ready once",
    replies: healthReplies("It was ready once"),
    refusals: [],
    handle: async ({ services }) => reply(await services.health.started(), ["started", "starting"]),
  }),
  route({
    method: "GET",
    path: "/health/ready",
    permits: "everyone",
    tag,
    summary: "Readiness: the server can take work",
    replies: healthReplies("Database, storage, device and models are there"),
    refusals: [],
    handle: async ({ services }) => reply(await services.health.ready(), ["ready", "not-ready"]),
  }),
  route({
    method: "GET",
    path: "/version",
    permits: "everyone",
    tag,
    summary: "Versions and devices",
    replies: {
      200: { description: "The versions and the devices", content: { "application/json": versionReplySchema } },
    },
    refusals: [],
    handle: async ({ services, identity }) =>
      json({
        login: services.settings.login.kind,
        ...(hasRole(identity, "admin") && { protection: protectionOf(services.settings) }),
        name: project.name,
        version: SULCUS_VERSION,
        commit: services.commit,
        deno: Deno.version.deno,
        onnxruntime: ONNXRUNTIME_VERSION,
        devices: await services.devices.list(PROBE_MS),
      }),
  }),
  route({
    method: "GET",
    path: "/metrics",
    permits: "viewer",
    tag,
    summary: "Metrics for Prometheus",
    replies: {
      200: { description: "Counters, gauges, histograms", content: { "text/plain": "Prometheus text 0.0.4" } },
    },
    refusals: [],
    handle: async ({ services }) =>
      new Response(services.metrics.render() + await renderGauges(services), {
        headers: { "content-type": METRICS_TYPE },
      }),
  }),
];
