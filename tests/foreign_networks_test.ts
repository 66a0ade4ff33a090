/** One small file of every kind that others write: imported, served and differentiated as PyTorch does, or refused in words. */
import assert from "node:assert/strict";
import { gradientGap, gradientsOf, weightsByName } from "../scripts/networks/gradient.ts";
import { wave } from "../scripts/networks/zoo.ts";
import { decodeModel, evaluate, type Graph, importModel, verify, withExternalData } from "../src/graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../src/tensor/mod.ts";
import { FOREIGN, type ForeignFile, loadForeign } from "./fixtures/foreign.ts";

/** Files hold constants that an exporter rounded to the file's type: to float32, and in float16 the square root in GELU. */
const TOLERANCE = (name: string) => (name === "float16" ? 5e-4 : 2e-6);
/** Of gradients, relative to all of them together. */
const GRADIENT = 5e-6;

/**
 * How many weights have PyTorch's name and value where not all have: an exporter merges equal ones, folds normalisations
 * into convolutions, transposes matrices, and stores nothing of a layer that it could compute.
 */
const KEPT: Readonly<Record<string, number>> = {
  bfloat16: 4,
  dynamo: 4,
  "equal-weights": 11,
  external: 4,
  float16: 4,
  folded: 0,
  "argmax-end": 0,
  opset25: 4,
  windows: 5,
};

function imported({ model, beside, inputs }: ForeignFile): { graph: Graph; feeds: Record<string, Tensor> } {
  const bytes = beside.size === 0 ? model : withExternalData(model, beside);
  const names = decodeModel(bytes).inputs.map((input) => input.name);
  const graph = importModel(bytes, { shapes: Object.fromEntries(names.map((name, k) => [name, inputs[k]])) });
  verify(graph);
  const feed = (shape: readonly number[], k: number) => tensor("float32", shape, wave(sizeOf(shape), k));
  return { graph, feeds: Object.fromEntries(names.map((name, k) => [name, feed(inputs[k], k)])) };
}

for (const name of FOREIGN) {
  const file = loadForeign(name);
  if (file.refused !== undefined) {
    Deno.test(`importModel() refuses ${name} (${file.note})`, () => {
      assert.throws(() => imported(file), new RegExp(`^\\w+: Cannot import .*${file.refused}`));
    });
    continue;
  }
  Deno.test(`importModel() reads ${name} (${file.note}), which computes and differentiates as PyTorch does`, async () => {
    const { graph, feeds } = imported(file);
    const out = evaluate(graph, feeds);
    assert.equal(graph.outputs.length, file.outputs.length);
    for (const [k, expected] of file.outputs.entries()) {
      const { shape, data } = out[graph.outputs[k]];
      assert.deepEqual(shape, expected.shape);
      const samples = expected.samples.map((_, i) => data[Math.floor(i * data.length / expected.samples.length)]);
      const largest = Math.max(...expected.samples.map(Math.abs));
      const worst = Math.max(...samples.map((v, i) => Math.abs(v - expected.samples[i])));
      assert.ok(worst <= TOLERANCE(name) * largest, `output ${k} differs by ${worst} of ${largest}`);
      const by = wave(data.length, 0.5);
      const projected = data.reduce((sum, v, i) => sum + v * by[i], 0);
      const tolerance = TOLERANCE(name) * expected.norm * Math.sqrt(data.length);
      assert.ok(Math.abs(projected - expected.dot) <= tolerance, `output ${k}: ${projected}, expected ${expected.dot}`);
    }
    const wanted = weightsByName(graph, file.gradients);
    assert.equal(wanted.length, KEPT[name] ?? Object.keys(file.gradients).length);
    if (wanted.length === 0) return;
    const gap = gradientGap(await gradientsOf(null, graph, { feeds, wanted }), file.gradients);
    assert.ok(gap.gap <= Math.max(GRADIENT, TOLERANCE(name)), JSON.stringify(gap));
  });
}
