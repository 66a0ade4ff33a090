/**
 * Models of the kinds that exporters write, imported: their values by the float64 reference and by ONNX Runtime agree
 * with those of the file itself. Made by `scripts/fixtures/import_vectors.py`.
 */
import assert from "node:assert/strict";
import { CPU_PASSES, encodeModel, evaluate, importModel, lower, verify } from "../src/graph/mod.ts";
import { type DType, tensor } from "../src/tensor/mod.ts";
import { assertComputed, runModel } from "./testing/onnx_runtime.ts";
import vectors from "./fixtures/import_vectors.json" with { type: "json" };

interface Listed {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Separated by spaces. */
  readonly values: string;
}

interface Vector {
  /** Base64. */
  readonly model: string;
  readonly inputs: Readonly<Record<string, Listed>>;
  readonly outputs: Readonly<Record<string, Listed>>;
}

const VECTORS: Readonly<Record<string, Vector>> = vectors;

const NAMED: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: NaN };
const numbersOf = ({ values }: Listed) => values === "" ? [] : values.split(" ").map((v) => NAMED[v] ?? Number(v));

function tensorOf(listed: Listed) {
  const dtype = listed.dtype === "float16" ? "float32" : listed.dtype as DType;
  return tensor(dtype, listed.shape, numbersOf(listed));
}

for (const [name, { model, inputs, outputs }] of Object.entries(VECTORS)) {
  Deno.test(`importModel() computes what the file does: ${name}`, async () => {
    const graph = importModel(Uint8Array.fromBase64(model));
    verify(graph);
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, listed]) => [key, tensorOf(listed)]));
    const reference = evaluate(graph, feeds);
    const run = await runModel(encodeModel(lower(graph, { passes: CPU_PASSES }).graph), feeds);
    for (const [key, listed] of Object.entries(outputs)) {
      assert.deepEqual(graph.types.get(key)!.shape, listed.shape);
      assertComputed(reference[key].data, numbersOf(listed), `evaluate ${key}`);
      assertComputed(run[key], numbersOf(listed), `ONNX Runtime ${key}`);
    }
  });
}
