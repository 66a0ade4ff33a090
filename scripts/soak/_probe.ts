/**
 * Asks addresses over and over whether they answer: `deno run -A scripts/soak/_probe.ts URL PID URL PID`. A process of its
 * own, which the work of the load does not hold. It ends when its input does, and prints a JSON array of figures.
 */
import { setPriority } from "node:os";

export interface ProbeFigures extends Times {
  readonly count: number;
  readonly failed: number;
  /** The same answers without the time in which the service's thread was ready and the machine ran others. */
  readonly withoutWaiting: Times;
  /** The slowest answers: when after the start, how long, and how long of it the thread computed or waited to. */
  readonly slowest: readonly Answer[];
}

interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Answer {
  readonly atSeconds: number;
  readonly ms: number;
  readonly computedMs: number;
  readonly waitedMs: number;
}

const EVERY_MS = 100;
const GIVE_UP_MS = 30_000;
const SLOWEST = 10;

async function probe(url: string, pid: number, signal: AbortSignal): Promise<ProbeFigures> {
  const answers: Answer[] = [];
  let failed = 0;
  while (!signal.aborted) {
    const before = timesOfThread(pid), began = performance.now();
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(GIVE_UP_MS) });
      await reply.arrayBuffer();
      if (reply.status !== 200) failed++;
    } catch {
      failed++;
    }
    const ms = performance.now() - began;
    const { computedMs, waitedMs } = timesOfThread(pid);
    answers.push({
      atSeconds: Math.round(began / 1000),
      ms,
      computedMs: computedMs - before.computedMs,
      waitedMs: Math.min(ms, waitedMs - before.waitedMs),
    });
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  answers.sort((a, b) => a.ms - b.ms);
  return {
    count: answers.length,
    failed,
    ...timesOf(answers.map(({ ms }) => ms)),
    withoutWaiting: timesOf(answers.map(({ ms, waitedMs }) => ms - waitedMs)),
    slowest: answers.slice(-SLOWEST).map(({ atSeconds, ms, computedMs, waitedMs }) => ({
      atSeconds,
      ms: rounded(ms),
      computedMs: rounded(computedMs),
      waitedMs: rounded(waitedMs),
    })),
  };
}

/** How long the main thread of a process ran, and how long it was ready but did not, as Linux counts it. */
function timesOfThread(pid: number): { computedMs: number; waitedMs: number } {
  try {
    const [ran, waited] = Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ").map((ns) => Number(ns) / 1e6);
    return { computedMs: ran, waitedMs: waited };
  } catch {
    return { computedMs: 0, waitedMs: 0 }; // it has ended: the probe fails too
  }
}

function timesOf(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function rounded(ms: number): number {
  return Math.round(10 * ms) / 10;
}

if (import.meta.main) {
  try {
    setPriority(-20); // its own waiting is not the service's
  } catch { /* only root may: the figures of the idle service show how much it is */ }
  const ended = new AbortController();
  const [url, pid, idleUrl, idlePid] = Deno.args;
  const figures = Promise.all([
    probe(url, Number(pid), ended.signal),
    probe(idleUrl, Number(idlePid), ended.signal),
  ]);
  for await (const _ of Deno.stdin.readable) { /* until it is closed */ }
  ended.abort();
  console.log(JSON.stringify(await figures));
}
