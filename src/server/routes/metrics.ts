/** Metrics in the Prometheus text format. */
import { renderGauge } from "../observe/prometheus.ts";
import { route } from "../http/route.ts";
import type { Services } from "../services.ts";
import { SULCUS_VERSION } from "./version.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

async function gauges({ jobs, devices, commit }: Services): Promise<string> {
  const { queued, running, waiting, workerRestarts } = await jobs.stats();
  const { rss, heapUsed } = Deno.memoryUsage();
  const ready = (devices.known ?? []).map(({ provider, state }) => [{ provider }, state === "ready" ? 1 : 0] as const);
  const uptime = performance.now() / 1000;
  return [
    renderGauge("sulcus_build_info", "Always 1.", [[{ version: SULCUS_VERSION, commit }, 1]]),
    renderGauge("sulcus_jobs", "Jobs that have not ended.", [[{ state: "queued" }, queued], [
      { state: "running" },
      running,
    ]]),
    renderGauge("sulcus_inference_waiting", "Direct calls that wait for the inference process.", [[{}, waiting]]),
    renderGauge("sulcus_worker_restarts", "Worker processes started in place of one that ended.", [[
      {},
      workerRestarts,
    ]]),
    renderGauge("sulcus_device_ready", "Whether a provider passed its self-test.", ready),
    renderGauge("process_resident_memory_bytes", "Memory of this process.", [[{}, rss]]),
    renderGauge("process_heap_bytes", "JavaScript heap in use.", [[{}, heapUsed]]),
    renderGauge("process_uptime_seconds", "Since the process began.", [[{}, uptime]]),
  ].join("");
}

export const METRICS_ROUTES = [
  route({
    method: "GET",
    path: "/metrics",
    tag: "Service",
    summary: "Metrics for Prometheus",
    replies: {
      200: { description: "Counters, gauges, histograms", content: { "text/plain": "Prometheus text 0.0.4" } },
    },
    refusals: [],
    handle: async ({ services }) =>
      new Response(services.metrics.render() + await gauges(services), { headers: { "content-type": TYPE } }),
  }),
];
