import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { evaluate } from "../reference/evaluate.ts";
import { gatherStrided, ndarray, transpose } from "../../tensor/ndarray.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";
import { importModel } from "./normalize.ts";
import { modelFile, nodeOf, tensorOf, valueOf } from "./testing/model_file.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../../../tests/fixtures/import_vectors.json", import.meta.url), "utf8"),
);

Deno.test("importModel() of a channels-last network computes the same channels-first, without transposes", () => {
  const { model, inputs, outputs } = vectors["channels last"];
  const numbers = (text: string) => text.split(" ").map(Number);
  const graph = importModel(Uint8Array.fromBase64(model), { layout: "channels-last", inputShape: [1, 2, 4, 6, 5] });
  assert.deepEqual(graph.types.get("image")!.shape, [1, 2, 4, 6, 5]);
  assert.equal(graph.nodes.filter((n) => n.op === "Transpose").length, 0);
  const turned = transpose(ndarray(inputs.image.shape, numbers(inputs.image.values)), [0, 4, 1, 2, 3]);
  const { y } = evaluate(graph, { image: tensor("float64", turned.shape, turned.data) });
  const expected = transpose(ndarray(outputs.y.shape, numbers(outputs.y.values)), [0, 4, 1, 2, 3]);
  assert.deepEqual(y.shape, expected.shape);
  const worst = Math.max(...y.data.map((v, i) => Math.abs(v - expected.data[i])));
  assert.ok(worst < 2e-5, `differs by ${worst}`);
  // values keep their names, and what the file has last is now second
  assert.deepEqual(graph.types.get("r1")!.shape, graph.types.get("h2")!.shape);
  assert.equal(graph.types.get("s")!.shape[1], 6);
});

Deno.test("importModel() returns any values of a file, in the given order", () => {
  const { model } = vectors["channels last"];
  const graph = importModel(Uint8Array.fromBase64(model), { layout: "channels-last", outputs: ["s", "r1"] });
  assert.deepEqual(graph.outputs, ["s", "r1"]);
  assert.ok(!graph.constants.has("w3"));
  const bytes = Uint8Array.fromBase64(model);
  assert.throws(
    () => importModel(bytes, { outputs: ["nothing"] }),
    /expected as outputs values that its nodes make, got "nothing"; the file's own are "y"/,
  );
  assert.throws(() => importModel(bytes, { outputs: ["s", "s"] }), /expected each output once, got "s" twice/);
  assert.throws(() => importModel(bytes, { outputs: [] }), /expected as outputs values that its nodes make/);
});

Deno.test("importModel() adds a batch axis to a file without one", () => {
  const slope = tensorOf("slope", [2, 1, 1, 1], new Float32Array([0.5, 2]));
  const bytes = modelFile({
    graph: {
      input: [valueOf("x", [2, "a", "b", 3])],
      output: [valueOf("y", [2, "a", "b", 3])],
      initializer: [slope],
      node: [nodeOf("y = PRelu(x, slope)")],
    },
  });
  const shape = [1, 2, 4, 5, 3], graph = importModel(bytes, { inputShape: shape });
  assert.deepEqual([...graph.types].filter(([n]) => n === "x" || n === "y").map(([, t]) => t.shape), [shape, shape]);
  const data = gatherStrided(ndarray([1], [-1]), { shape, strides: [0, 0, 0, 0, 0] }).data;
  const { y } = evaluate(graph, { x: tensor("float64", shape, data) });
  assert.deepEqual([y.data[0], y.data[sizeOf(shape) - 1]], [-0.5, -2]);
});
