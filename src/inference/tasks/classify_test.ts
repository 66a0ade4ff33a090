import assert from "node:assert/strict";
import { join } from "node:path";
import { orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Graph, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { classify } from "./classify.ts";
import { softmax } from "../activation/functions.ts";
import { normalised, SPEC, withEngine, writePackage } from "../testing/packages.ts";
import type { ModelSpec } from "../spec.ts";
import type { InferenceRequest } from "../types.ts";

/** Logits: the means of both channels, and 0.2. */
function averages(roi: Triple): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, ...roi] });
  const means = b.op.ReduceMean(image, [2, 3, 4], { keepdims: 0 });
  return b.build("averages", { logits: b.op.Concat(means, tensor("float32", [1, 1], [0.2]), { axis: 1 }) });
}

Deno.test("classify() returns the network's probabilities by class", () =>
  withEngine(async (engine, folder) => {
    const spec: ModelSpec = {
      ...SPEC,
      task: "classification",
      labels: [],
      classes: ["a", "b", "c"],
      preprocessing: { ...SPEC.preprocessing, resize: [12, 12, 12], foregroundMargin: null },
      inference: { ...SPEC.inference, roi: [16, 8, 12] },
    };
    const directory = await writePackage(folder, averages([16, 8, 12]));
    const grid = orientedGrid([12, 12, 12], { code: "LPS", originMm: [11, 11, 0] });
    const ramp = sampled(grid, ([x, y, z]) => x * 144 + y * 12 + z);
    const images = {
      t1: await writeVolume(join(folder, "a.nii"), grid, ramp),
      flair: await writeVolume(join(folder, "b.nii"), grid, ramp.map((v) => -v)),
    };
    const request: InferenceRequest = { directory, spec, images, engine };
    const result = await classify(request);
    // the resize keeps the size; eight of twelve along y, two planes of zeros on both sides along x
    const mean = (data: Float32Array) => {
      const scaled = normalised(data);
      const ras = sampled({ ...orientedGrid([12, 8, 12], { originMm: [0, 2, 0] }) }, ([x, y, z]) => {
        return scaled[((11 - x) * 12 + 11 - y) * 12 + z];
      });
      return ras.reduce((a, b) => a + b, 0) / (16 * 8 * 12);
    };
    const expected = softmax([mean(ramp), mean(ramp.map((v) => -v)), 0.2]);
    assert.deepEqual(result.classes.map((c) => c.label), ["a", "b", "c"]);
    result.classes.forEach(({ probability }, i) => {
      assert.ok(Math.abs(probability - expected[i]) < 1e-5, `${i}: ${probability}, expected ${expected[i]}`);
    });
    assert.equal(result.provider, "cpu");
    const { warnings } = await classify({ ...request, images: { t1: images.t1, flair: images.t1 } });
    assert.deepEqual(warnings.map((w) => w.code), ["same-image-twice"]);
    const other = await writePackage(folder, { ...averages([16, 8, 12]), name: "other" });
    await assert.rejects(classify({ ...request, directory: other, spec: { ...spec, classes: ["a", "b"] } }), {
      code: "invalid-output",
      message: "Cannot use the network: expected an output of 2 numbers for 2 classes (activation softmax), got [1, 3]",
    });
  }));

Deno.test("classify() reads the network's numbers by its activation", () =>
  withEngine(async (engine, folder) => {
    const grid = orientedGrid([12, 12, 12]), ramp = sampled(grid, ([x, y, z]) => x * 144 + y * 12 + z);
    const t1 = await writeVolume(join(folder, "a.nii"), grid, ramp);
    const flair = await writeVolume(join(folder, "b.nii"), grid, ramp.map((v) => -v));
    const directory = await writePackage(folder, averages([12, 12, 12]));
    const run = (classes: string[], inference: Partial<ModelSpec["inference"]>) => {
      const spec: ModelSpec = {
        ...SPEC,
        task: "classification",
        labels: [],
        classes,
        preprocessing: { ...SPEC.preprocessing, resize: [12, 12, 12], foregroundMargin: null },
        inference: { ...SPEC.inference, roi: [12, 12, 12], ...inference },
      };
      return classify({ directory, spec, images: { t1, flair }, engine });
    };
    const { values, ...rest } = await run(["age", "size", "rest"], { activation: "values", unit: ["years", "mL", ""] });
    assert.deepEqual([rest.kind, rest.classes], ["values", []]);
    assert.deepEqual(values!.map(({ label, unit }) => [label, unit]), [["age", "years"], ["size", "mL"], ["rest", ""]]);
    assert.equal(values![2].value, Math.fround(0.2));
    const unitless = await run(["a", "b", "c"], { activation: "values" });
    assert.deepEqual(unitless.values!.map((v) => v.unit), [null, null, null]);
    const each = await run(["a", "b", "c"], { activation: "sigmoid" });
    assert.deepEqual([each.kind, "values" in each], ["independent", false]);
    for (const [i, { probability }] of each.classes.entries()) {
      assert.ok(Math.abs(probability - 1 / (1 + Math.exp(-values![i].value))) < 1e-6);
    }
    assert.equal((await run(["a", "b", "c"], {})).kind, "exclusive");
  }));
