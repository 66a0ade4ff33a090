import { join } from "node:path";
import { inFolder } from "../../../tests/testing/volumes.ts";
import { type Engine, openEngine } from "../../engine/mod.ts";
import { encodeModel, type Graph } from "../../graph/mod.ts";
import type { ModelSpec } from "../spec.ts";
import type { Warning } from "../types.ts";

export const SPEC: ModelSpec = {
  task: "segmentation",
  architecture: { kind: "onnx", config: {} },
  modalities: ["t1", "flair"],
  labels: [{ name: "bright", value: 3, colour: "#ff0000" }, { name: "dark", value: 7, colour: "#0000ff" }],
  classes: [],
  preprocessing: {
    spacingMm: [1, 1, 1],
    percentiles: { lower: 5, upper: 95, clip: false },
    foregroundMargin: 1,
    percentilesOver: "volume",
  },
  inference: { roi: [16, 16, 16], overlap: 0.5, blending: "gaussian", threshold: 0.5 },
};

/** Writes a network as a package of its name: the package's folder. */
export async function writePackage(folder: string, graph: Graph): Promise<string> {
  const directory = join(folder, graph.name);
  await Deno.mkdir(directory);
  await Deno.writeFile(join(directory, "network.onnx"), encodeModel(graph));
  return directory;
}

/** (x − p5)/(p95 − p5) of a file's voxels. */
export function normalised(data: Float32Array): Float32Array {
  const sorted = data.toSorted();
  const at = (q: number) => {
    const r = q * (sorted.length - 1), low = Math.floor(r);
    return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (r - low);
  };
  const [low, high] = [at(0.05), at(0.95)];
  return data.map((v) => (v - low) / (high - low));
}

/** Runs `work` with the CPU engine and a folder. */
export async function withEngine(work: (engine: Engine, folder: string) => Promise<void>): Promise<void> {
  const engine = await openEngine("cpu");
  try {
    await inFolder((folder) => work(engine, folder));
  } finally {
    await engine.close();
  }
}

/** The warnings but for those that a phantom of a few voxels deserves: it is no head, and its labels reach the border. */
export function besidesSize(warnings: readonly Warning[]): Warning[] {
  return warnings.filter(({ code }) => code !== "implausible-head-size" && code !== "result-at-border");
}
