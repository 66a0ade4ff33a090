/** Tiny untrained bases, and requests to fine-tune them, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeModel } from "../../src/graph/mod.ts";
import { type Tensor } from "../../src/tensor/mod.ts";
import type { Engine } from "../../src/engine/mod.ts";
import type { Architecture, Label, Modality, ModelSpec, Task } from "../../src/inference/mod.ts";
import { buildNetwork, initialWeights } from "../../src/nets/mod.ts";
import { writePackage } from "../../src/registry/package.ts";
import { draftOf } from "../../src/registry/testing/packages.ts";
import type { FinetuneRequest, Recipe, TrainingCase } from "../../src/train/mod.ts";

/** Crop size of the tests. */
export const ROI = [32, 32, 32] as const;

/** A UniFormer that trains a step in a fraction of a second. */
export const TINY = { widths: [8, 8, 16, 16], depths: [1, 1, 1, 1], headDim: 8, mlpRatio: 2 } as const;

export const LESION: Label = { name: "lesion", value: 1, colour: "#e5484d" };

/** The pre-training network of `TINY`, one channel. */
export const TINY_ENCODER = {
  kind: "uniformer-pretraining",
  config: { ...TINY, inChannels: 1, stemWidth: 8 },
} as const satisfies Architecture;

export function specOf(changes: Partial<ModelSpec> = {}): ModelSpec {
  return {
    task: "encoder",
    architecture: TINY_ENCODER,
    modalities: ["t1", "t1c", "t2", "flair"],
    labels: [],
    classes: [],
    preprocessing: {
      spacingMm: [1, 1, 1],
      percentiles: { lower: 5, upper: 95, clip: false },
      foregroundMargin: 1,
      percentilesOver: "volume",
    },
    inference: { roi: ROI, overlap: 0, blending: "constant", threshold: 0.5 },
    ...changes,
  };
}

/** Writes a base with fresh weights of `seed` into `directory`; returns its weights. */
export async function writeBase(
  directory: string,
  { architecture, seed = 1, channels = 1 }: { architecture: Architecture; seed?: number; channels?: number },
): Promise<Map<string, Tensor>> {
  await mkdir(directory, { recursive: true });
  const weights = initialWeights(architecture, { seed });
  const network = buildNetwork(architecture, { input: [1, channels, ...ROI], weights, outputs: "training" });
  await writeFile(join(directory, "network.onnx"), encodeModel(network));
  return weights;
}

/** Edge of the windows of the package `tiny`. */
export const TINY_SIZE = 32;

const FOUR_CHANNELS = {
  kind: "uniformer" as const,
  config: { inChannels: 4, widths: [4, 8, 8, 8], depths: [1, 1, 1, 1], headDim: 4, mlpRatio: 2 },
};

/** Writes `<shipped>/tiny/1`, an untrained encoder for t1, t1c, t2 and flair at 4 mm. */
export async function shipTinyEncoder(shipped: string): Promise<void> {
  const roi: [number, number, number] = [TINY_SIZE, TINY_SIZE, TINY_SIZE];
  const source = await mkdtemp(join(tmpdir(), "sulcus-test-"));
  const weights = initialWeights(FOUR_CHANNELS, { seed: 1 });
  const graph = buildNetwork(FOUR_CHANNELS, { input: [1, 4, ...roi], weights, outputs: "inference" });
  await writeFile(join(source, "network.onnx"), encodeModel(graph));
  const draft = draftOf({
    name: "tiny",
    task: "encoder",
    labels: [],
    architecture: FOUR_CHANNELS,
    modalities: ["t1", "t1c", "t2", "flair"],
    preprocessing: { ...draftOf().preprocessing, spacingMm: [4, 4, 4], resize: roi },
    inference: { ...draftOf().inference, roi },
  });
  await writePackage(shipped, draft, { version: 1, source });
  await rm(source, { recursive: true });
}

export interface RequestOptions {
  /** Folder with `base`, for `work` and `output`. */
  readonly folder: string;
  readonly engine: Engine;
  readonly cases: readonly TrainingCase[];
  readonly recipe?: Partial<Recipe>;
  readonly changes?: Partial<FinetuneRequest>;
  readonly spec?: Partial<ModelSpec> & { readonly task?: Task };
}

/** A segmentation of lesions in two modalities, six steps of the edge preset without validation. */
export function requestOf({ folder, engine, cases, recipe, changes, spec }: RequestOptions): FinetuneRequest {
  const modalities: readonly Modality[] = ["t1", "flair"];
  return {
    task: "segmentation",
    cases,
    modalities,
    labels: [LESION],
    classes: [],
    base: { name: "tiny", version: 1, directory: join(folder, "base"), spec: specOf(spec) },
    recipe: { preset: "edge", steps: 6, roi: ROI, validation: "none", ...recipe },
    workDirectory: join(folder, "work"),
    outputDirectory: join(folder, "output"),
    engine,
    onEvent: () => {},
    ...changes,
  };
}
