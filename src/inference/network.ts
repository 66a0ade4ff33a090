/** Loaded networks of model packages, a few at a time per engine. */
import { join } from "node:path";
import type { Engine, Session } from "../engine/mod.ts";

/** How many networks an engine keeps loaded. */
const KEPT = 2;

const loaded = new WeakMap<Engine, Map<string, Promise<Session>>>();

/** The session of a package's `network.onnx`; kept for the next call, the least recently used one is released. */
export async function loadNetwork(engine: Engine, directory: string): Promise<Session> {
  const sessions = loaded.get(engine) ?? new Map<string, Promise<Session>>();
  loaded.set(engine, sessions);
  const found = sessions.get(directory) ?? engine.load({ path: join(directory, "network.onnx") });
  sessions.delete(directory);
  sessions.set(directory, found);
  try {
    const session = await found;
    for (const [old, other] of sessions) {
      if (sessions.size <= KEPT) break;
      sessions.delete(old);
      await (await other).release();
    }
    return session;
  } catch (error) {
    sessions.delete(directory);
    throw error;
  }
}

/** Forgets a network that failed, so that the next call loads it again. */
export function forgetNetwork(engine: Engine, directory: string): void {
  loaded.get(engine)?.delete(directory);
}
