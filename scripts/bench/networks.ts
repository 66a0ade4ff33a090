/** Inference of networks without weights of their own: one window, and a volume of many windows. */
import type { Engine } from "../../src/engine/mod.ts";
import { encodeModel, type Graph, lower } from "../../src/graph/mod.ts";
import { slidingLogits, windowRunner } from "../../src/inference/mod.ts";
import { buildNetwork, EDGE, initialWeights, type NetworkSpec } from "../../src/nets/mod.ts";
import type { Triple } from "../../src/volume/mod.ts";
import { measure, type Row, wave } from "./measure.ts";

export const UNIUNET: NetworkSpec = { kind: "uniunet", config: {} };
export const UNET3D: NetworkSpec = { kind: "unet3d", config: {} };
export const EDGE_NET: NetworkSpec = { kind: "uniunet", config: { ...EDGE, outChannels: 1 } };

/** The network in inference form, as built. */
export function networkGraph(spec: NetworkSpec, roi: Triple): Graph {
  return buildNetwork(spec, {
    input: [1, 4, ...roi],
    weights: initialWeights(spec, { seed: 0 }),
    outputs: "inference",
  });
}

/** The network in inference form, lowered for the engine unless it is measured `plain`, with a session of it. */
export async function loadNetwork(
  engine: Engine,
  { spec, roi, plain }: { spec: NetworkSpec; roi: Triple; plain?: boolean },
) {
  const graph = networkGraph(spec, roi);
  return await engine.load(encodeModel(plain ? graph : lower(graph, engine.lowering).graph), { keepMemory: true });
}

/** One window through the network. */
export async function forward(
  engine: Engine,
  { name, spec, size, plain }: { name: string; spec: NetworkSpec; size: number; plain?: boolean },
): Promise<Row> {
  const session = await loadNetwork(engine, { spec, roi: [size, size, size], plain });
  const image = wave([1, 4, size, size, size]);
  return await measure(engine, { name, runs: 4, run: () => session.run({ image }) });
}

/** A volume of many windows, overlapping by half, through the edge network: how time and memory grow with its size. */
export async function sliding(engine: Engine, { name, sizeVox }: { name: string; sizeVox: Triple }): Promise<Row> {
  const roi: Triple = [64, 64, 64];
  const session = await loadNetwork(engine, { spec: EDGE_NET, roi });
  const inputs = Array.from({ length: 4 }, () => wave(sizeVox).data as Float32Array);
  const settings = { roi, overlap: 0.5, blending: "gaussian", channels: 1 } as const;
  let windows = 0;
  const run = async () => {
    windows = (await slidingLogits(windowRunner(session), { inputs, sizeVox }, settings)).windows;
  };
  const row = await measure(engine, { name, runs: 3, run });
  return { ...row, windows, msPerWindow: Math.round(row.bestMs / windows) };
}
