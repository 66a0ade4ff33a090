/** Metrics that are read at the time of the request. Where the database is away, those that need it are left out. */
import { statfs } from "node:fs/promises";
import type { AuditForwarder } from "../../audit/mod.ts";
import type { Jobs } from "../../jobs/mod.ts";
import type { Readers } from "../../process/mod.ts";
import { type ServerSettings, SULCUS_VERSION } from "../settings.ts";
import type { DeviceMemories, DeviceMemory } from "./device_memory.ts";
import type { DeviceState } from "./devices.ts";
import { deadline } from "./health.ts";
import { type Labels, renderGauge } from "./metrics.ts";

/** The services that gauges are read from. */
export interface Watched {
  readonly jobs: Pick<Jobs, "stats">;
  readonly readers: Pick<Readers, "running" | "waiting">;
  readonly devices: Pick<DeviceState, "known">;
  readonly deviceMemory: Pick<DeviceMemories, "read">;
  readonly auditReceiver?: Pick<AuditForwarder, "behind" | "connected">;
  readonly settings: Pick<ServerSettings, "dataDirectory">;
  readonly commit: string;
}

/** What was read of them. */
interface Facts {
  /** Absent: the database is away. */
  readonly stored?: Stored;
  readonly disk?: { readonly free: number; readonly total: number };
  readonly deviceMemory: readonly DeviceMemory[];
  readonly services: Watched;
}

interface Stored {
  readonly jobs: Awaited<ReturnType<Jobs["stats"]>>;
  /** Entries that the receiver does not have; absent: none is configured. */
  readonly auditWaiting?: number;
}

interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly values: (facts: Facts) => readonly (readonly [Labels, number | undefined])[];
}

const one = (value: number | undefined) => [[{}, value]] as const;

export const GAUGES: readonly Gauge[] = [
  {
    name: "sulcus_build_info",
    help: "Always 1; version and commit as labels.",
    values: ({ services: { commit } }) => [[{ version: SULCUS_VERSION, commit }, 1]],
  },
  {
    name: "sulcus_database_up",
    help: "1 where the database answers; 0: the metrics that are read from it are left out.",
    values: ({ stored }) => one(stored === undefined ? 0 : 1),
  },
  {
    name: "sulcus_jobs",
    help: "Jobs that have not ended, by state.",
    values: ({ stored }) => (["queued", "running"] as const).map((state) => [{ state }, stored?.jobs[state]] as const),
  },
  {
    name: "sulcus_job_queue_oldest_seconds",
    help: "How long the job that has waited longest has waited; 0 where none waits.",
    values: ({ stored }) => one(stored?.jobs.oldestSeconds),
  },
  {
    name: "sulcus_inference_waiting",
    help: "Requests that wait for the inference process.",
    values: ({ stored }) => one(stored?.jobs.waiting),
  },
  {
    name: "sulcus_readers_running",
    help: "Processes that read files of strangers.",
    values: ({ services: { readers } }) => one(readers.running),
  },
  {
    name: "sulcus_readers_waiting",
    help: "Files that wait for such a process.",
    values: ({ services: { readers } }) => one(readers.waiting),
  },
  {
    name: "sulcus_worker_restarts",
    help: "Worker processes started in place of one that ended.",
    values: ({ stored }) => one(stored?.jobs.workerRestarts),
  },
  {
    name: "sulcus_device_ready",
    help: "1 where a provider passed its self-test.",
    values: ({ services: { devices } }) =>
      (devices.known ?? []).map(({ provider, state }) => [{ provider }, state === "ready" ? 1 : 0] as const),
  },
  {
    name: "sulcus_device_memory_total_bytes",
    help: "Memory of the host, and of each NVIDIA device.",
    values: ({ deviceMemory }) => deviceMemory.map(({ device, total }) => [{ device }, total] as const),
  },
  {
    name: "sulcus_device_memory_free_bytes",
    help: "The part of it that is available.",
    values: ({ deviceMemory }) => deviceMemory.map(({ device, free }) => [{ device }, free] as const),
  },
  {
    name: "sulcus_disk_total_bytes",
    help: "Size of the file system with the data directory.",
    values: ({ disk }) => one(disk?.total),
  },
  {
    name: "sulcus_disk_free_bytes",
    help: "The part of it that the service may still use.",
    values: ({ disk }) => one(disk?.free),
  },
  {
    name: "sulcus_audit_waiting",
    help: "Entries of the audit trail that the receiver does not have yet; absent where none is configured.",
    values: ({ stored }) => one(stored?.auditWaiting),
  },
  {
    name: "sulcus_audit_receiver_connected",
    help: "1 while the receiver of the audit trail is connected; absent where none is configured.",
    values: ({ services: { auditReceiver } }) => one(auditReceiver && (auditReceiver.connected ? 1 : 0)),
  },
  {
    name: "process_resident_memory_bytes",
    help: "Memory of the server's process.",
    values: () => one(Deno.memoryUsage().rss),
  },
  {
    name: "process_heap_bytes",
    help: "JavaScript heap in use.",
    values: () => one(Deno.memoryUsage().heapUsed),
  },
  {
    name: "process_uptime_seconds",
    help: "Since the process began.",
    values: () => one(performance.now() / 1000),
  },
];

/** A database that is away must not hold the monitor up. */
const FACT_MS = 2000;

export async function renderGauges(services: Watched): Promise<string> {
  const [stored, disk, deviceMemory] = await Promise.all([
    deadline(storedFacts(services), FACT_MS).catch(() => undefined),
    deadline(diskFacts(services.settings.dataDirectory), FACT_MS).catch(() => undefined),
    services.deviceMemory.read(),
  ]);
  const facts: Facts = { stored, disk, deviceMemory, services };
  return GAUGES.map(({ name, help, values }) =>
    renderGauge(name, help, values(facts).flatMap(([labels, value]) => value === undefined ? [] : [[labels, value]]))
  ).join("");
}

async function storedFacts({ jobs, auditReceiver }: Watched): Promise<Stored> {
  const [counts, auditWaiting] = await Promise.all([jobs.stats(), auditReceiver?.behind()]);
  return { jobs: counts, auditWaiting };
}

async function diskFacts(directory: string): Promise<{ free: number; total: number }> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { free: bavail * bsize, total: blocks * bsize };
}
