/** The start of a fine-tune: fresh weights, a pre-training of the same experiment, or a package. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "../../../src/graph/mod.ts";
import type { ModelSpec } from "../../../src/inference/mod.ts";
import { buildNetwork, initialWeights, type NetworkSpec } from "../../../src/nets/mod.ts";
import { digestFile } from "../../../src/storage/mod.ts";
import { readPackage, specOf } from "../../../src/registry/mod.ts";
import { pretrain, type PretrainingRecipe, type PretrainResult } from "../../../src/train/mod.ts";
import { openEngine } from "../../../src/engine/mod.ts";
import type { Cases } from "./cases.ts";
import { keyOf, type Run, type RunContext } from "../runs/runs.ts";

export interface Encoder {
  /** JSON: everything that decides its weights. */
  readonly settings: unknown;
  readonly needs: readonly Run[];
  /** Folder and spec of a base to fine-tune. */
  open(context: RunContext): Promise<{ directory: string; spec: ModelSpec }>;
}

/** Fresh weights: those that a pre-training with this seed starts from. */
export function freshEncoder(spec: ModelSpec, seed: number): Encoder {
  const network = spec.architecture as NetworkSpec;
  return {
    settings: { fresh: spec, seed },
    needs: [],
    async open({ workDirectory }) {
      const directory = join(workDirectory, "base");
      await mkdir(directory, { recursive: true });
      const weights = initialWeights(network, { seed });
      const graph = buildNetwork(network, { input: [1, 1, ...spec.inference.roi], weights, outputs: "training" });
      await writeFile(join(directory, "network.onnx"), encodeModel(graph));
      return { directory, spec };
    },
  };
}

/** The encoder, and perhaps the templates, of a pre-training. */
export function pretrainedEncoder(run: Run, changes: (spec: ModelSpec) => Partial<ModelSpec>): Encoder {
  return {
    settings: { pretraining: keyOf(run) },
    needs: [run],
    async open({ runs }) {
      const { spec } = (await runs.find(run))!.result as { spec: ModelSpec };
      return { directory: runs.outputOf(run), spec: { ...spec, ...changes(spec) } };
    },
  };
}

export interface PackagedEncoder extends Encoder {
  readonly spec: ModelSpec;
}

/** A model package; `changes` suit its spec to the task. */
export async function packagedEncoder(directory: string, changes: Partial<ModelSpec> = {}): Promise<PackagedEncoder> {
  const manifest = await readPackage(directory);
  const spec = { ...specOf(manifest), ...changes };
  const { sha256 } = await digestFile(join(directory, "network.onnx"));
  return {
    settings: { package: `${manifest.name} ${manifest.version}`, sha256, spec },
    needs: [],
    spec,
    open: () => Promise.resolve({ directory, spec }),
  };
}

export interface PretrainingRunOptions {
  readonly title: string;
  /** Cases; their labels are not used. */
  readonly cases: Cases;
  readonly recipe: PretrainingRecipe;
}

/** A pre-training; its output folder is a base with templates. */
export function pretrainingRun({ title, cases, recipe }: PretrainingRunOptions): Run {
  const { data, ids, needs } = cases;
  return {
    kind: "pretraining",
    title,
    settings: { data: { data, ids }, recipe },
    needs,
    keepsOutput: true,
    async execute({ workDirectory, outputDirectory, device, runs, onEvent }): Promise<Partial<PretrainResult>> {
      const engine = await openEngine(device.provider, { threads: device.threads });
      try {
        const { spec, metrics, provider } = await pretrain({
          cases: cases.open(runs).map(({ id, images }) => ({ id, images })),
          recipe,
          workDirectory,
          outputDirectory,
          engine,
          onEvent,
        });
        return { spec, metrics, provider };
      } finally {
        await engine.close();
      }
    },
  };
}
