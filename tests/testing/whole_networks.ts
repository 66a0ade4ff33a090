/** Ready networks as other software exports them, small: one value is the logits, behind it what their authors applied. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel, type Graph, GraphBuilder, type Value } from "../../src/graph/mod.ts";
import type { ModelSpec } from "../../src/inference/mod.ts";
import { type ManifestDraft, specOf as specOfManifest } from "../../src/registry/mod.ts";
import { packageDirectory, readPackage, writePackage } from "../../src/registry/package.ts";
import { Random, sizeOf, tensor } from "../../src/tensor/mod.ts";
import type { FinetuneRequest } from "../../src/train/mod.ts";

/** Edge of their windows. */
export const EDGE = 16;

export type End = "Sigmoid" | "Softmax" | "ArgMax" | "Softmax, ArgMax" | "none";

export interface WholeOptions {
  readonly channels: number;
  readonly end?: End;
  readonly task?: "segmentation" | "classification";
}

/** Conv 3³ 4→6, BatchNormalization, Relu, Conv 1³ (or means and a matrix): `result`, a coarse `aux`, and the bare `logits`. */
export function wholeNetwork({ channels, end = "none", task = "segmentation" }: WholeOptions): Graph {
  const b = new GraphBuilder(), random = new Random(5), { op } = b;
  const weight = (name: string, shape: number[], of = () => 0.3 * random.normal()) =>
    b.constant(tensor("float32", shape, Array.from({ length: sizeOf(shape) }, of)), name);
  const image = b.input("image", { dtype: "float32", shape: [1, 4, EDGE, EDGE, EDGE] });
  const first = op.Conv(image, weight("first.weight", [6, 4, 3, 3, 3]), null, {
    kernel_shape: [3, 3, 3],
    pads: [1, 1, 1, 1, 1, 1],
  });
  const norm = op.BatchNormalization(
    first,
    weight("norm.weight", [6], () => 1 + 0.1 * random.normal()),
    weight("norm.bias", [6]),
    weight("norm.running_mean", [6]),
    weight("norm.running_var", [6], () => 1 + random.uniform()),
    { epsilon: 1e-5 },
  );
  const features = op.Relu(norm);
  const one = { kernel_shape: [1, 1, 1] };
  const logits = task === "segmentation"
    ? op.Conv(features, weight("head.weight", [channels, 6, 1, 1, 1]), weight("head.bias", [channels]), one)
    : op.Gemm(op.ReduceMean(features, [2, 3, 4], { keepdims: 0 }), weight("head.weight", [channels, 6]), null, {
      transB: 1,
    });
  const aux = op.Conv(features, weight("aux.weight", [channels, 6, 1, 1, 1]), null, one);
  return b.build("whole", { result: ended(b, logits, end), aux, features: op.Identity(features) });
}

function ended({ op }: GraphBuilder, logits: Value, end: End): Value {
  const softmax = () => op.Softmax(logits, { axis: 1 });
  if (end === "none") return logits;
  if (end === "Sigmoid") return op.Sigmoid(logits);
  if (end === "Softmax") return softmax();
  return op.Cast(op.ArgMax(end === "ArgMax" ? logits : softmax(), { axis: 1, keepdims: 1 }), { to: 1 });
}

/** A package made of a spec and a folder of files, read back from disk. */
export async function publish(
  root: string,
  name: string,
  { spec, source }: { spec: ModelSpec; source: string },
): Promise<FinetuneRequest["base"]> {
  const draft: ManifestDraft = {
    ...spec as ManifestDraft,
    name,
    provenance: { recipe: {}, seed: null, software: {}, metrics: {}, createdAt: "2026-11-24T10:00:00.000Z", note: "" },
    licence: "Apache-2.0",
    intendedUse: "Tests.",
  };
  await writePackage(root, draft, { version: 1, source });
  const directory = packageDirectory(root, name, 1);
  return { name, version: 1, directory, spec: specOfManifest(await readPackage(directory)) };
}

/** A graph as the package that a user would import. */
export async function publishGraph(
  folder: string,
  { graph, spec }: { graph: Graph; spec: ModelSpec },
): Promise<FinetuneRequest["base"]> {
  const source = join(folder, "source");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "network.onnx"), encodeModel(graph));
  return await publish(join(folder, "models"), "foreign", { spec, source });
}
