/** Loaded networks of model packages, a few at a time per engine: checked by our importer, lowered for the device. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine, Session } from "../engine/mod.ts";
import { encodeModel, type Graph, importModel, lower } from "../graph/mod.ts";
import type { ModelSpec } from "./spec.ts";

/** How many networks an engine keeps loaded. */
const KEPT = 2;

const loaded = new WeakMap<Engine, Map<string, Promise<Session>>>();

/** A graph as an engine's session. */
export async function loadGraph(engine: Engine, graph: Graph): Promise<Session> {
  return await engine.load(encodeModel(lower(graph).graph));
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

/** Forgets a network that failed, so that the next call loads it again. */
export function forgetNetwork(engine: Engine, directory: string): void {
  loaded.get(engine)?.delete(directory);
}
