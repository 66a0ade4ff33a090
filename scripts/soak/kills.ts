/** Kills children of the service, and measures how long it takes until it does the same work again. */
import { type Client, formOf, pause } from "./client.ts";
import type { Load } from "./load.ts";
import type { Place } from "./service.ts";
import { descendantsOf, roleOf } from "./standing.ts";

export interface Kills {
  /** How many of each kind, by the module that it ran. */
  readonly byRole: Readonly<Record<string, number>>;
  /** Kills after which no segmentation succeeded in time. */
  readonly unrecovered: number;
  readonly slowestRecoveryMs: number;
}

/** Children die this seldom, ms, at least and at most. */
const BETWEEN_MS = [5_000, 40_000] as const;
const RECOVERED_WITHIN_MS = 180_000;
const AGAIN_MS = 2000;

export async function killChildren(
  { place, load, random, http, over: signal }: Client,
): Promise<Kills> {
  const byRole: Record<string, number> = {};
  let unrecovered = 0, slowestRecoveryMs = 0;
  while (!signal.aborted) {
    await pausedUnless(signal, BETWEEN_MS[0] + random.integer(BETWEEN_MS[1] - BETWEEN_MS[0]));
    const children = descendantsOf(place.pid);
    if (signal.aborted || children.length === 0) continue;
    const child = children[random.integer(children.length)];
    const role = roleOf(child);
    try {
      Deno.kill(child, "SIGKILL");
    } catch {
      continue; // it has ended meanwhile
    }
    byRole[role] = (byRole[role] ?? 0) + 1;
    const took = await recovery(place, load, http);
    if (took === null) unrecovered++;
    else slowestRecoveryMs = Math.max(slowestRecoveryMs, took);
  }
  return { byRole, unrecovered, slowestRecoveryMs: Math.round(slowestRecoveryMs) };
}

/** Milliseconds until a segmentation succeeds; null: none did in time. */
async function recovery(
  { url }: Place,
  { segment: { model, images } }: Load,
  client: Deno.HttpClient,
): Promise<number | null> {
  const began = performance.now();
  while (performance.now() - began < RECOVERED_WITHIN_MS) {
    const reply = await fetch(`${url}/v1/models/${model}/segment`, { method: "POST", body: formOf(images), client })
      .catch(() => null);
    await reply?.bytes().catch(() => {});
    if (reply?.status === 200) return performance.now() - began;
    await pause(AGAIN_MS);
  }
  return null;
}

async function pausedUnless(signal: AbortSignal, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
