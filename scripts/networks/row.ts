/**
 * The exports of a network, tried in a process of their own:
 * `deno run -A row.ts FOLDER NETWORK EXPORTER,EXPORTER CHECK,CHECK`. Prints one line of JSON for each export.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, openEngine } from "../../src/engine/mod.ts";
import { decodeModel, encodeModel, type Graph, importModel, lower, withExternalData } from "../../src/graph/mod.ts";
import { featureMaps } from "../../src/nets/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { tryUpdates, type Updates } from "./finetuning.ts";
import { type GradientGap, gradientGap, gradientsOf, weightsByName } from "./gradient.ts";
import { expectedOutput, exportedFiles, inputOf, readZoo, type ZooNetwork } from "./zoo.ts";

/** What can be tried: a provider serves a window; the others are slow. */
export const PROVIDERS_TRIED = ["cpu", "wasm", "webgpu"] as const;
export const CHECKS = [...PROVIDERS_TRIED, "gradient", "float64", "finetune"] as const;
export type Check = typeof CHECKS[number];

export interface Served {
  readonly ms: number;
  /** The largest difference to PyTorch in float64, in deviations of the output. */
  readonly gap: number;
}

/** What became of one export. A field is absent where it was not tried. */
export interface Row {
  readonly network: string;
  readonly exporter: string;
  importMs?: number;
  nodes?: number;
  /** Weights that the file keeps as PyTorch has them, of all trained ones. */
  kept?: number;
  trained?: number;
  served?: Partial<Record<typeof PROVIDERS_TRIED[number], Served>>;
  /** On the CPU in float32. */
  gradient?: GradientGap;
  /** By the float64 reference. */
  float64?: GradientGap;
  features?: readonly string[];
  updates?: Updates;
  /** The first refusal, and the check that met it. */
  refused?: string;
  at?: string;
}

interface Export {
  readonly graph: Graph;
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly network: ZooNetwork;
}

async function imported(folder: string, network: ZooNetwork, row: Row): Promise<Export> {
  const { model, beside } = await exportedFiles(folder, network.name, row.exporter);
  const bytes = beside.size === 0 ? model : withExternalData(model, beside);
  const names = decodeModel(bytes).inputs.map(({ name }) => name);
  const start = performance.now();
  const graph = importModel(bytes, { shapes: Object.fromEntries(names.map((name, k) => [name, network.inputs[k]])) });
  row.importMs = Math.round(performance.now() - start);
  row.nodes = graph.nodes.length;
  row.kept = weightsByName(graph, network.gradients).length;
  row.trained = network.trained;
  row.features = featureMaps(graph).filter(({ stage }) => stage).map(({ name }) => name);
  return { graph, bytes, network, feeds: Object.fromEntries(names.map((name, k) => [name, inputOf(network, k)])) };
}

async function served(engine: Engine, { graph, feeds, network }: Export, folder: string): Promise<Served> {
  const session = await engine.load(encodeModel(lower(graph, engine.lowering).graph));
  try {
    await session.run(feeds);
    const start = performance.now();
    const out = await session.run(feeds);
    const ms = Math.round(performance.now() - start);
    let gap = 0;
    for (const [k, name] of graph.outputs.entries()) {
      gap = Math.max(gap, gapOf(out[name].data, await expectedOutput(folder, network, k)));
    }
    return { ms, gap };
  } finally {
    await session.release();
  }
}

/** The largest difference, in deviations of what is expected. */
function gapOf(found: ArrayLike<number | bigint>, expected: Float64Array): number {
  if (found.length !== expected.length) return Infinity;
  const mean = expected.reduce((a, b) => a + b, 0) / expected.length;
  const deviation = Math.sqrt(expected.reduce((sum, v) => sum + (v - mean) ** 2, 0) / expected.length);
  return expected.reduce((gap, v, i) => Math.max(gap, Math.abs(Number(found[i]) - v)), 0) / deviation;
}

async function tryGradient(engine: Engine | null, { graph, feeds, network }: Export): Promise<GradientGap | undefined> {
  const wanted = weightsByName(graph, network.gradients);
  if (wanted.length === 0) return undefined;
  return gradientGap(await gradientsOf(engine, graph, { feeds, wanted }), network.gradients);
}

async function updated(engine: Engine, { bytes, network }: Export, features: readonly string[], folder: string) {
  const work = await mkdtemp(join(tmpdir(), "sulcus-networks-"));
  const [, channels, ...window] = network.inputs[0];
  try {
    const size = window as unknown as readonly [number, number, number];
    return await tryUpdates(engine, {
      bytes,
      features,
      window: size,
      channels,
      phantoms: join(folder, "phantoms"),
      work,
    });
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Fills a row; stops at the first refusal. */
async function fill(row: Row, network: ZooNetwork, { folder, checks }: { folder: string; checks: ReadonlySet<Check> }) {
  row.at = "import";
  const found = await imported(folder, network, row);
  for (const provider of PROVIDERS_TRIED) {
    if (!checks.has(provider)) continue;
    row.at = provider;
    const engine = await openEngine(provider);
    try {
      row.served = { ...row.served, [provider]: await served(engine, found, folder) };
      if (provider !== "cpu") continue;
      row.at = "gradient";
      if (checks.has("gradient")) row.gradient = await tryGradient(engine, found);
      row.at = "finetune";
      if (checks.has("finetune")) row.updates = await updated(engine, found, row.features ?? [], folder);
    } finally {
      await engine.close();
    }
  }
  row.at = "float64";
  if (checks.has("float64")) row.float64 = await tryGradient(null, found);
  delete row.at;
}

if (import.meta.main) {
  const [folder, name, exporters, checks] = Deno.args;
  const network = (await readZoo(folder)).find((n) => n.name === name)!;
  for (const exporter of exporters.split(",")) {
    const row: Row = { network: name, exporter };
    try {
      await fill(row, network, { folder, checks: new Set(checks.split(",") as Check[]) });
    } catch (error) {
      row.refused = error instanceof Error ? error.message : String(error);
    }
    console.log(JSON.stringify(row));
  }
}
