/** The quality that comes with every segmentation, and the map of uncertainty, through whole requests. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import { readVolume, sameGrid } from "../../volume/mod.ts";
import { activatedSpec, graphOf, KINDS, TRUTHS } from "../testing/activations.ts";
import { withEngine, writePackage } from "../testing/packages.ts";
import type { TrainingImages } from "../quality_types.ts";
import type { SegmentationActivation } from "../spec.ts";
import type { SegmentRequest } from "../types.ts";
import { segment } from "./segment.ts";

/** Segments a phantom whose file has axes and voxels of its own. */
const withRuns = (
  work: (
    run: (
      kind: SegmentationActivation,
      asked?: Partial<SegmentRequest>,
    ) => Promise<{ result: Awaited<ReturnType<typeof segment>>; data: Float32Array }>,
    grid: ReturnType<typeof orientedGrid>,
  ) => Promise<void>,
) =>
  withEngine(async (engine, folder) => {
    const grid = orientedGrid([20, 24, 18], { code: "LAS", spacingMm: [1, 1, 2] });
    const { images } = makePhantom({ seed: 5, sizeVox: grid.sizeVox, spacingMm: [1, 1, 1], lesions: 3 });
    const files = {
      t1: await writeVolume(join(folder, "t1.nii"), grid, images.t1),
      flair: await writeVolume(join(folder, "flair.nii"), grid, images.flair),
    };
    for (const kind of KINDS) await writePackage(folder, graphOf(kind, TRUTHS[kind]));
    await work(async (kind, asked) => {
      const outPath = join(folder, "out.nii.gz"), spec = activatedSpec(kind), directory = join(folder, kind);
      const result = await segment({ directory, spec, images: files, engine, output: "labels", outPath, ...asked });
      const volume = await readVolume(outPath);
      assert.ok(sameGrid(volume, grid));
      return { result, data: volume.data };
    }, grid);
  });

Deno.test("segment() writes the uncertainty on the file's grid: it is greatest where the answer changes", () =>
  withRuns(async (run) => {
    for (const kind of KINDS.filter((k) => k !== "label-map")) {
      const { data: mask } = await run(kind), { data, result } = await run(kind, { output: "uncertainty" });
      assert.ok(data.every((v) => v >= 0 && v <= 1), kind);
      assert.ok(data.some((v) => v > 0.9) && data.some((v) => v < 0.7), kind);
      assert.ok(result.labels.some(({ voxels }) => voxels > 0) && mask.some((v) => v > 0));
      assert.ok(result.quality!.score! > 0.3 && result.quality!.score! < 1, `${kind} ${result.quality!.score}`);
    }
  }));

Deno.test("segment() answers with the same mask and probabilities when a full quality is asked for", () =>
  withRuns(async (run) => {
    for (const kind of ["sigmoid", "softmax"] as const) {
      const quick = await run(kind), full = await run(kind, { quality: "full" });
      assert.deepEqual(full.data, quick.data);
      assert.deepEqual(full.result.labels, quick.result.labels);
      assert.deepEqual([quick.result.quality!.passes, full.result.quality!.passes], [1, 3]);
      const spec = { ...activatedSpec(kind), quality: { mirrored: [0, 2] as const } };
      const mirrored = await run(kind, { quality: "full", spec });
      assert.equal(mirrored.result.quality!.passes, 5);
      // a network of one voxel knows no sides, so its mirrored passes agree with the answer
      assert.ok(mirrored.result.quality!.score! > full.result.quality!.score!);
      const restored = { ...spec, inference: { ...spec.inference, restored: "probabilities" as const } };
      const probable = await run(kind, { spec: restored });
      assert.deepEqual((await run(kind, { quality: "full", spec: restored })).data, probable.data);
    }
  }));

Deno.test("segment() has no quality for label values, and refuses to write their uncertainty", () =>
  withRuns(async (run) => {
    const { result: { quality } } = await run("label-map", { quality: "full" });
    assert.deepEqual([quality!.score, quality!.passes], [null, 1]);
    assert.match(quality!.reasons[0], /without probabilities/);
    await assert.rejects(run("label-map", { output: "uncertainty" }), {
      code: "invalid-output",
      message: /^Cannot write the uncertainty: expected a network that gives probabilities, got one that answers/,
    });
  }));

Deno.test("segment() says what the score lets expect where the model was calibrated, and else that it was not", () =>
  withRuns(async (run) => {
    const plain = (await run("sigmoid")).result.quality!;
    assert.equal(plain.expectedDice, undefined);
    assert.match(plain.reasons.join(" "), /Not calibrated: .* compares answers of this model/);
    const fit = { patients: 9, intercept: -0.5, slope: 1, spread: 0.3 };
    const known = (await run("sigmoid", { spec: { ...activatedSpec("sigmoid"), quality: { fit } } })).result.quality!;
    assert.equal(known.score, plain.score);
    assert.ok(known.expectedDice! < known.score! && known.interval![0] < known.expectedDice!);
    assert.match(
      known.reasons.join(" "),
      /^Not compared with the training: .* nothing warns of contrasts, artefacts or pathology/,
    );
    const usual = { median: 0, spread: 1, least: 0, greatest: 1 };
    const images: TrainingImages = {
      cases: 3,
      facts: [{ of: "t1", values: { q50: usual } }, { of: "flair", values: { echo: usual } }],
    };
    const spec = { ...activatedSpec("sigmoid"), quality: { fit, images } };
    assert.deepEqual((await run("sigmoid", { spec })).result.quality!.reasons, [
      "The model knows no regions that stand out of its training images, so that nothing warns of those.",
    ]);
    const bright = { ...usual, median: 40, least: 40, greatest: 41, spread: 0.1 };
    const unlike = { cases: 50, facts: [{ of: "t1", values: { q50: bright, echo: usual, dark: usual } }] };
    const { quality, warnings } =
      (await run("sigmoid", { spec: { ...spec, quality: { fit, images: unlike } } })).result;
    assert.ok(warnings.some(({ code }) => code === "contrast-unlike-training"));
    assert.ok(quality!.interval![1] - quality!.interval![0] > 1.5 * (known.interval![1] - known.interval![0]));
    assert.match(
      quality!.reasons.join(" "),
      /The images are unlike those of the training, which makes the interval wider/,
    );
  }));
