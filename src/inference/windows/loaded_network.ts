/** Loaded networks of model packages, a few at a time per engine: checked by our importer, lowered for the device. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, EngineError, type Session } from "../../engine/mod.ts";
import { batched, encodeModel, type Graph, importModel, lower } from "../../graph/mod.ts";
import { readingOf } from "../../nets/mod.ts";
import type { ImportSpec } from "../spec.ts";
import { InferenceError, type Warning } from "../types.ts";
import { checkedSession, PrecisionCheck } from "./checked_precision.ts";
import { wrongOutput } from "./network_output.ts";

/** How many networks an engine keeps loaded: two models and the one that checks modalities. */
const KEPT = 3;

/** The networks that an engine has loaded. */
class Networks {
  readonly sessions = new Map<string, Promise<Session>>();
  /** Most samples at a time, of packages that needed more memory than the device has. */
  readonly most = new Map<string, number>();
  /** By package: whether reduced precision answers as float32 does. */
  readonly checks = new Map<string, PrecisionCheck>();
}

/** A graph, lowered for the engine's provider, as its session. */
export async function loadGraph(engine: Engine, graph: Graph, lowering = engine.lowering): Promise<Session> {
  return await engine.load(encodeModel(lower(graph, lowering).graph), { keepMemory: true });
}

/**
 * Imports a package's network for windows of the spec's size; its first output is the one that inference uses.
 * @throws {SyntaxError | TypeError | RangeError} the file is refused, with the reason
 * @throws {InferenceError} `invalid-output`: its output does not fit the spec's labels or classes
 */
export async function importNetwork(directory: string, spec: ImportSpec): Promise<Graph> {
  const bytes = await readFile(join(directory, "network.onnx"));
  const graph = importModel(bytes, { inputShape: inputShapeOf(spec), ...readingOf(spec.architecture, "output") });
  const why = wrongOutput(graph.types.get(graph.outputs[0])!.shape, spec);
  if (why !== null) throw new InferenceError("invalid-output", `Cannot use the network: ${why}`);
  return graph;
}

/** [1, C, …roi]: an encoder for single modalities lists all that it was made for. */
function inputShapeOf({ architecture, modalities, inference }: ImportSpec): number[] {
  const { inChannels } = architecture.config;
  return [1, typeof inChannels === "number" ? inChannels : modalities.length, ...inference.roi];
}

/** A package's network, for `batch` samples at a time. */
export interface PackageNetwork {
  readonly directory: string;
  readonly spec: ImportSpec;
  /** Default 1. */
  readonly batch?: number | undefined;
}

/** The number of samples that a session takes at a time. */
export function batchOf({ inputs }: Session): number {
  return Object.values(inputs)[0].shape[0];
}

/**
 * The session of a package's `network.onnx` for `batch` samples, or for one where it cannot take several; kept for the next
 * call, the least recently used one is released.
 */
export async function loadNetwork(engine: Engine, { directory, spec, batch = 1 }: PackageNetwork): Promise<Session> {
  const { sessions } = engine.companions.of(Networks);
  const key = `${batch} ${directory}`;
  const found = sessions.get(key) ??
    importNetwork(directory, spec).then((graph) => loadPrecise(engine, forSeveral(graph, batch), { directory, spec }));
  sessions.delete(key);
  sessions.set(key, found);
  try {
    const session = await found;
    for (const [old, other] of sessions) {
      if (sessions.size <= KEPT) break;
      sessions.delete(old);
      await (await other.catch(() => null))?.release(); // its own caller gets its error
    }
    return session;
  } catch (error) {
    if (sessions.get(key) === found) sessions.delete(key);
    throw error;
  }
}

/** The session at the engine's precision, where that answers as float32 does. */
function loadPrecise(engine: Engine, graph: Graph, { directory, spec }: PackageNetwork): Promise<Session> {
  const { exact } = engine;
  if (exact === undefined) return loadGraph(engine, graph);
  // no masks to compare: float32
  if (spec.task !== "segmentation") return loadGraph(engine, graph, exact);
  const { checks } = engine.companions.of(Networks);
  const check = checks.get(directory) ?? new PrecisionCheck(spec);
  checks.set(directory, check);
  return checkedSession(engine, graph, { exact, check });
}

/** The warnings about a package's precision on this engine. */
export function precisionWarnings(engine: Engine, directory: string): Warning[] {
  return engine.companions.of(Networks).checks.get(directory)?.warnings() ?? [];
}

function forSeveral(graph: Graph, batch: number): Graph {
  if (batch === 1) return graph;
  try {
    return batched(graph, batch);
  } catch (error) {
    if (error instanceof RangeError) return graph; // an imported network that mixes its samples
    throw error;
  }
}

/** Forgets an engine's networks: sessions end with the device process that held them. The next calls load again. */
export async function forgetNetworks(engine: Engine): Promise<void> {
  const { sessions } = engine.companions.of(Networks);
  const ended = [...sessions.values()];
  sessions.clear();
  for (const session of ended) await session.then((s) => s.release()).catch(() => {});
}

/**
 * Runs `work` with a package's session. After a failure of the device its networks are loaded anew; when it had too little
 * memory, `work` begins again with half as many samples at a time, and later calls keep to that.
 * @throws as `loadNetwork()` and `work` do
 */
export async function withNetwork<T>(
  engine: Engine,
  { directory, spec, batch = 1 }: PackageNetwork,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { most } = engine.companions.of(Networks);
  for (;;) {
    let samples = Math.min(batch, most.get(directory) ?? batch);
    try {
      const session = await loadNetwork(engine, { directory, spec, batch: samples });
      samples = Math.min(samples, batchOf(session));
      return await work(session);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      await forgetNetworks(engine);
      if (error.code !== "out-of-memory" || samples === 1) throw error;
      most.set(directory, samples >> 1);
    }
  }
}
