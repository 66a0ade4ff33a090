/** Loaded networks of model packages, a few at a time per engine: checked by our importer, lowered for the device. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, EngineError, type Session } from "../engine/mod.ts";
import { encodeModel, type Graph, importModel, lower, passesFor } from "../graph/mod.ts";
import type { ModelSpec } from "./spec.ts";

/** How many networks an engine keeps loaded: two models and the one that checks modalities. */
const KEPT = 3;

const loaded = new WeakMap<Engine, Map<string, Promise<Session>>>();

/** A graph, lowered for the engine's provider, as its session. */
export async function loadGraph(engine: Engine, graph: Graph): Promise<Session> {
  return await engine.load(encodeModel(lower(graph, passesFor(engine), { costs: engine.costs }).graph));
}

/**
 * Imports a package's network for windows of the spec's size.
 * @throws {SyntaxError | TypeError | RangeError} the file is refused, with the reason
 */
export async function importNetwork(
  directory: string,
  spec: Pick<ModelSpec, "architecture" | "modalities" | "inference">,
): Promise<Graph> {
  const bytes = await readFile(join(directory, "network.onnx"));
  return importModel(bytes, { inputShape: inputShapeOf(spec) });
}

/** [1, C, …roi]: an encoder for single modalities lists all that it was made for. */
function inputShapeOf(
  { architecture, modalities, inference }: Pick<ModelSpec, "architecture" | "modalities" | "inference">,
): number[] {
  const { inChannels } = architecture.config;
  return [1, typeof inChannels === "number" ? inChannels : modalities.length, ...inference.roi];
}

/** The session of a package's `network.onnx`; kept for the next call, the least recently used one is released. */
export async function loadNetwork(
  engine: Engine,
  directory: string,
  spec: Pick<ModelSpec, "architecture" | "modalities" | "inference">,
): Promise<Session> {
  const sessions = loaded.get(engine) ?? new Map<string, Promise<Session>>();
  loaded.set(engine, sessions);
  const found = sessions.get(directory) ?? importNetwork(directory, spec).then((graph) => loadGraph(engine, graph));
  sessions.delete(directory);
  sessions.set(directory, found);
  try {
    const session = await found;
    for (const [old, other] of sessions) {
      if (sessions.size <= KEPT) break;
      sessions.delete(old);
      await (await other.catch(() => null))?.release(); // whoever asked for it has its error
    }
    return session;
  } catch (error) {
    if (sessions.get(directory) === found) sessions.delete(directory);
    throw error;
  }
}

/** Forgets an engine's networks: sessions end with the device process that held them. The next calls load again. */
export async function forgetNetworks(engine: Engine): Promise<void> {
  const sessions = loaded.get(engine)?.values() ?? [];
  loaded.delete(engine);
  for (const session of sessions) await session.then((s) => s.release()).catch(() => {});
}

/**
 * Runs `work` with a package's session. After a failure of the device its networks are loaded anew.
 * @throws as `loadNetwork()` and `work` do
 */
export async function withNetwork<T>(
  engine: Engine,
  { directory, spec }: { directory: string; spec: Pick<ModelSpec, "architecture" | "modalities" | "inference"> },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    return await work(await loadNetwork(engine, directory, spec));
  } catch (error) {
    if (error instanceof EngineError) await forgetNetworks(engine);
    throw error;
  }
}
