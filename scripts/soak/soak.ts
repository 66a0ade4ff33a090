/**
 * A mixed load on a running service: good requests, clients that break off, hostile bodies, and kills of its child
 * processes; meanwhile a probe asks whether it lives. Reports what the service owes: answers in time, no memory kept,
 * nothing left in the spool, no file handle lost.
 */
import type { Random } from "../../src/tensor/mod.ts";

/** The service under load; `pid` is the process whose memory and handles are counted. */
export interface Place {
  readonly url: string;
  readonly pid: number;
  readonly data: string;
}

export interface SoakReport {
  readonly seconds: number;
  readonly requests: number;
  /** Replies by status; 0: the connection ended without one. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly brokenOff: number;
  readonly killed: number;
  readonly probe: {
    readonly count: number;
    readonly failed: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  };
  readonly memoryMb: { readonly before: number; readonly after: number; readonly growth: number };
  readonly handles: { readonly before: number; readonly after: number };
  readonly spoolLeft: number;
}

export interface Load {
  /** A body of one volume that the service takes. */
  readonly volume: Uint8Array<ArrayBuffer>;
  readonly model: string;
  readonly modalities: readonly string[];
}

export interface SoakOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly random: Random;
  readonly load: Load;
}

const PROBE_EVERY_MS = 100;
/** What the service needs after the load to close, remove and collect. */
const SETTLE_MS = 5000;
const WARM_SHARE = 0.2;

export async function soak(place: Place, { seconds, clients, random, load }: SoakOptions): Promise<SoakReport> {
  const statuses: Record<string, number> = {};
  const counts = { requests: 0, brokenOff: 0, killed: 0 };
  const began = performance.now();
  const end = began + seconds * 1000;
  const probing = new AbortController();
  const probe = watch(place, probing.signal);
  const until = async (time: number) => {
    const count = (status: number) => {
      counts.requests++;
      statuses[status] = (statuses[status] ?? 0) + 1;
    };
    const worker = async (own: Random) => {
      while (performance.now() < time) {
        await ACTIONS[own.integer(ACTIONS.length)](place, { random: own, load, count, counts });
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, i) => worker(random.fork(`${time} ${i}`))));
  };
  // The first part fills caches and starts children: growth is counted from its end.
  await until(began + (end - began) * WARM_SHARE);
  await pause(SETTLE_MS);
  const before = standing(place);
  await until(end);
  await pause(SETTLE_MS);
  const after = standing(place);
  probing.abort();
  const [memory, memoryAfter] = [before.rssMb, after.rssMb];
  return {
    seconds: Math.round((performance.now() - began) / 1000),
    ...counts,
    statuses,
    probe: await probe,
    memoryMb: { before: memory, after: memoryAfter, growth: memoryAfter - memory },
    handles: { before: before.handles, after: after.handles },
    spoolLeft: filesBelow(`${place.data}/spool`),
  };
}

interface Part {
  readonly random: Random;
  readonly load: Load;
  readonly count: (status: number) => void;
  readonly counts: { brokenOff: number; killed: number };
}

type Action = (place: Place, part: Part) => Promise<void>;

async function send(url: string, init: RequestInit, count: Part["count"]): Promise<void> {
  try {
    const reply = await fetch(url, init);
    await reply.arrayBuffer();
    count(reply.status);
  } catch {
    count(0);
  }
}

const json = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

function form({ volume, modalities }: Load): FormData {
  const data = new FormData();
  for (const name of modalities) data.append(name, new Blob([volume]), `${name}.nii.gz`);
  return data;
}

const segment: Action = ({ url }, { load, count }) =>
  send(`${url}/v1/models/${load.model}/segment`, { method: "POST", body: form(load) }, count);

const browse: Action = async ({ url }, { count }) => {
  for (const path of ["/", "/v1/models", "/v1/jobs", "/v1/datasets", "/metrics", "/openapi.json"]) {
    await send(url + path, {}, count);
  }
};

const dataset: Action = async ({ url }, { load, count }) => {
  const made = await fetch(
    `${url}/v1/datasets`,
    json({ name: "soak", task: "segmentation", modalities: ["t1"], labels: [{ name: "l", values: [1] }] }),
  ).catch(() => null);
  if (made === null) return count(0);
  count(made.status);
  const { id } = await made.json();
  if (typeof id !== "string") return;
  await send(`${url}/v1/datasets/${id}/cases/a/t1`, { method: "PUT", body: load.volume }, count);
  await send(`${url}/v1/datasets/${id}`, {}, count);
  await send(`${url}/v1/datasets/${id}`, { method: "DELETE" }, count);
};

/** Bodies that are no volume, no form, no JSON, or far too deep. */
const hostile: Action = async ({ url }, { random, load, count }) => {
  const noise = Uint8Array.from({ length: 2000 }, () => random.integer(256));
  const bodies: [string, RequestInit][] = [
    [`/v1/models/${load.model}/segment`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      body: noise,
    }],
    ["/v1/datasets", { method: "POST", headers: { "content-type": "application/json" }, body: "[".repeat(100_000) }],
    ["/v1/datasets/import?name=x", { method: "POST", headers: { "content-type": "application/zip" }, body: noise }],
    ["/v1/models", { method: "POST", headers: { "content-type": "application/zip" }, body: noise }],
    ["/v1/models/import?name=x", { method: "POST", body: noise }],
  ];
  const [path, init] = bodies[random.integer(bodies.length)];
  await send(url + path, init, count);
};

/** Announces a body, sends a part of it, and is gone. */
const breakOff: Action = async ({ url }, { random, load, counts }) => {
  const { hostname, port } = new URL(url);
  try {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const head = `POST /v1/models/${load.model}/segment HTTP/1.1\r\nHost: ${hostname}\r\n` +
      "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--x\r\n";
    await connection.write(new TextEncoder().encode(head));
    await pause(random.integer(200));
    connection.close();
    counts.brokenOff++;
  } catch { /* refused: that is the service's right */ }
};

/** Kills a child of the service, seldom. */
const kill: Action = async ({ pid }, { random, counts }) => {
  await pause(200 + random.integer(800));
  if (random.integer(10) > 0) return;
  const children = childrenOf(pid);
  if (children.length === 0) return;
  try {
    Deno.kill(children[random.integer(children.length)], "SIGKILL");
    counts.killed++;
  } catch { /* it has ended meanwhile */ }
};

const ACTIONS: readonly Action[] = [
  segment,
  segment,
  browse,
  browse,
  dataset,
  hostile,
  hostile,
  breakOff,
  breakOff,
  kill,
];

async function watch({ url }: Place, signal: AbortSignal): Promise<SoakReport["probe"]> {
  const times: number[] = [];
  let failed = 0;
  while (!signal.aborted) {
    const began = performance.now();
    try {
      const reply = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(30_000) });
      await reply.arrayBuffer();
      if (reply.status !== 200) failed++;
    } catch {
      failed++;
    }
    times.push(performance.now() - began);
    await pause(PROBE_EVERY_MS);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(10 * (times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0)) / 10;
  return { count: times.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** Memory and open files of the process, as Linux counts them. */
function standing({ pid }: Place): { rssMb: number; handles: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { rssMb: Math.round(kb / 1024), handles: [...Deno.readDirSync(`/proc/${pid}/fd`)].length };
}

function childrenOf(pid: number): number[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid ? [Number(name)] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

function filesBelow(folder: string): number {
  let files = 0;
  for (const entry of Deno.readDirSync(folder)) files += entry.isDirectory ? filesBelow(`${folder}/${entry.name}`) : 1;
  return files;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
