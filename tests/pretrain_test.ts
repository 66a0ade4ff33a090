/** Pre-training from files to a package's files, on phantoms and on the shared patients, on the CPU engine. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makePhantom, PHANTOM_MODALITIES, type PhantomModality } from "../scripts/phantoms/phantom.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { type Graph, importModel } from "../src/graph/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { templatePath } from "../src/inference/mod.ts";
import { readPretrainingSources } from "../src/datasets/mod.ts";
import { finetune, pretrain, type PretrainingRecipe, type TrainEvent, TrainingError } from "../src/train/mod.ts";
import { tensor } from "../src/tensor/mod.ts";
import { perAxis, readVolume, spacingOf, type Triple } from "../src/volume/mod.ts";
import { runAndKill } from "./testing/kill.ts";
import { pretrainIn, type PretrainingOptions, TINY_PRETRAINING } from "./testing/pretraining.ts";
import { requestOf, TINY_ENCODER } from "./testing/tiny_models.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

/** Cases with different modalities; the last one's lie on grids of their own, and one has a single modality. */
const CASES: readonly { readonly modalities: readonly PhantomModality[]; readonly spacingMm: Triple }[] = [
  { modalities: PHANTOM_MODALITIES, spacingMm: [8, 8, 8] },
  { modalities: ["flair"], spacingMm: [8, 8, 8] },
  { modalities: ["t1", "t2"], spacingMm: [6, 6, 12] },
];

async function writeCases(data: string): Promise<void> {
  for (const [i, { modalities, spacingMm }] of CASES.entries()) {
    const folder = join(data, `case${i + 1}`);
    await mkdir(folder, { recursive: true });
    for (const [k, modality] of modalities.entries()) {
      const sizeVox = perAxis((a) => Math.ceil(200 / spacingMm[a]) + 2 * k * Number(i === 2));
      const originMm = perAxis((a) => -spacingMm[a] * (sizeVox[a] - 1) / 2);
      const { images } = makePhantom({ seed: i, sizeVox, spacingMm, lesions: 2 });
      await writeVolume(
        join(folder, `${modality}.nii.gz`),
        orientedGrid(sizeVox, { spacingMm, originMm }),
        images[modality],
      );
    }
  }
}

const KERNEL = "encoder.patch_embed1.proj.weight";
const jsonIn = async (path: string) => JSON.parse(await readFile(path, "utf8"));
const isProgress = (e: TrainEvent) => e.type === "progress";

Deno.test("pretrain() of cases with different modalities and grids makes an encoder package that a fine-tune uses", () =>
  inFolder(async (folder) => {
    await writeCases(join(folder, "data"));
    const events: TrainEvent[] = [];
    const options = { folder, name: "a", recipe: TINY_PRETRAINING };
    const result = await pretrainIn(options, { engine, onEvent: (e) => events.push(e) });
    const output = join(folder, "a", "output");

    const steps = events.filter(isProgress);
    assert.deepEqual(steps.map((e) => e.step), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(Object.keys(steps[0].losses!), ["md", "cmr", "contrast", "cmrShare", "meanPredictor"]);
    assert.ok(steps.every((e) => e.losses!.md > 0 && e.losses!.contrast > 0 && e.losses!.meanPredictor > 0));
    assert.ok(steps.some((e) => e.losses!.cmrShare < 1), "the case with one modality was drawn");
    const { spec, metrics } = result;
    assert.deepEqual([spec.task, spec.architecture.kind], ["encoder", "uniformer-pretraining"]);
    assert.deepEqual(spec.modalities, ["t1", "t1c", "t2", "flair"]);
    assert.deepEqual(Object.keys(metrics), ["md", "cmr", "contrast", "meanPredictor"]);

    const network = importModel(new Uint8Array(await readFile(join(output, "network.onnx"))));
    assert.deepEqual(network.types.get("image")!.shape, [1, 1, 16, 16, 16]);
    assert.deepEqual(network.outputs.toSorted(), ["out", "x1", "x2", "x3", "x4"]);
    assert.deepEqual((await readdir(join(output, "templates"))).sort(), [
      "flair.nii.gz",
      "t1.nii.gz",
      "t1c.nii.gz",
      "t2.nii.gz",
    ]);
    const template = await readVolume(templatePath(output, "flair"));
    assert.deepEqual([template.sizeVox, spacingOf(template.affineRas)], [[24, 28, 24], [8, 8, 8]]);
    // one update at a rate of next to nothing shows where a pre-training starts
    const still = { ...TINY_PRETRAINING, steps: 1, learningRate: 1e-12 };
    await pretrainIn({ folder, name: "on", recipe: still }, { engine, weights: network.constants });
    const again = importModel(new Uint8Array(await readFile(join(folder, "on", "output", "network.onnx"))));
    const kernel = (graph: Graph) => graph.constants.get(KERNEL)!.data;
    assertClose(kernel(again), kernel(network), { atol: 1e-9, what: "the first kernel" });
    const cut = new Map([...network.constants, [KERNEL, tensor("float32", [1], [0])]]);
    await assert.rejects(
      pretrainIn({ folder, name: "cut", recipe: still }, { engine, weights: cut }),
      (error: TrainingError) => {
        assert.match(
          error.message,
          /expected encoder\.patch_embed1\.proj\.weight of shape \[[\d,]+\], got \[1\]; use those of the same network/,
        );
        return error.code === "invalid-data";
      },
    );

    // the phantoms' middles all lie at 0 mm, and so does the template's
    assert.deepEqual(template.affineRas.slice(0, 12), [8, 0, 0, -92, 0, 8, 0, -108, 0, 0, 8, -92]);

    const report = await jsonIn(join(output, "private/report.json"));
    assert.deepEqual([report.cases, report.scans], [3, { t1: 2, t1c: 1, t2: 2, flair: 2 }]);
    assert.deepEqual(report.templates.map((t: { step: number }) => t.step), [1, 2, 8]);
    assert.deepEqual(report.recipe, JSON.parse(JSON.stringify(result.resolvedRecipe)));
    assert.equal(report.curves.md.length, 8);
    assert.match(report.notes[1], /^Cases with one modality, .*: 1\.$/);
    const html = await readFile(join(output, "private/report.html"), "utf8");
    assert.equal(html.match(/data:image\/png/g)!.length, 3);

    const base = { name: "tiny", version: 1, directory: output, spec };
    const phantoms = (await readPretrainingSources([join(folder, "data")])).cases.slice(0, 1);
    const label = join(folder, "label.nii.gz");
    const image = await readVolume(phantoms[0].images.t1!);
    await writeVolume(label, image, Uint8Array.from(image.data, (v) => Number(v > 100)));
    const losses: number[] = [];
    await finetune(requestOf({
      folder,
      engine,
      cases: [{ ...phantoms[0], patient: "one", label }],
      recipe: { steps: 2, roi: [16, 16, 16] },
      changes: { base, onEvent: (e) => isProgress(e) && losses.push(e.loss) },
    }));
    assert.equal(losses.length, 2);
    const { notes, weights } = await jsonIn(join(folder, "output", "report.json"));
    assert.equal(notes[1], "Trained with the base's templates of t1, flair.");
    assert.ok(weights.loaded > 50, `${weights.loaded} weights of the encoder`);
  }));

for (
  const [what, changes] of Object.entries<Partial<PretrainingRecipe>>({
    "templates that rest untouched": {},
    "accumulation over replicas as the official code does": {
      preset: "official",
      batch: { size: 1, replicas: 2, accumulation: 2 },
      crossModalFromEpoch: 2,
      contrastFromEpoch: 1,
    },
  })
) {
  Deno.test(`pretrain() killed in mid-training ends with the same bytes as an undisturbed run (${what})`, () =>
    inFolder(async (folder) => {
      await writeCases(join(folder, "data"));
      const recipe = { ...TINY_PRETRAINING, ...changes };
      await pretrainIn({ folder, name: "whole", recipe }, { engine });
      assert.ok(
        await runAndKill("pretraining.ts", { folder, name: "killed", recipe } satisfies PretrainingOptions, 7),
        "killed before it was done",
      );
      const seen: number[] = [];
      await pretrainIn({ folder, name: "killed", recipe }, {
        engine,
        onEvent: (e) => isProgress(e) && seen.push(e.step),
      });
      assert.deepEqual(seen, [7, 8], "from the checkpoint after six updates");
      for (const file of ["network.onnx", "templates/t1.nii.gz", "templates/flair.nii.gz"]) {
        const [whole, resumed] = await Promise.all(
          ["whole", "killed"].map((name) => readFile(join(folder, name, "output", file))),
        );
        assert.ok(whole.equals(resumed), file);
      }
      const curves = async (name: string) => (await jsonIn(join(folder, name, "output", "report.json"))).curves;
      assert.deepEqual(await curves("killed"), await curves("whole"));
    }));
}

Deno.test("pretrain() keeps a checkpoint when it is cancelled", () =>
  inFolder(async (folder) => {
    await writeCases(join(folder, "data"));
    const abort = new AbortController();
    const onEvent = (e: TrainEvent) => isProgress(e) && e.step === 5 && abort.abort();
    const options = { folder, name: "a", recipe: TINY_PRETRAINING };
    await assert.rejects(
      pretrainIn(options, { engine, signal: abort.signal, onEvent }),
      (e) =>
        e instanceof TrainingError && e.code === "cancelled" &&
        e.message === "The pre-training was cancelled after 5 of 8 steps",
    );
    const seen: number[] = [];
    await pretrainIn(options, { engine, onEvent: (e) => isProgress(e) && seen.push(e.step) });
    assert.deepEqual(seen, [6, 7, 8]);
  }));

Deno.test("pretrain() runs UNET3D, and templates that start at zero", () =>
  inFolder(async (folder) => {
    await writeCases(join(folder, "data"));
    const recipe: PretrainingRecipe = {
      ...TINY_PRETRAINING,
      preset: "paper",
      steps: 2,
      batch: { size: 2, replicas: 1 },
      network: { kind: "unet3d-pretraining", config: { inChannels: 1, width: 8 } },
    };
    const { spec } = await pretrainIn({ folder, name: "a", recipe }, { engine });
    assert.equal(spec.architecture.kind, "unet3d-pretraining");
    const { data } = await readVolume(templatePath(join(folder, "a", "output"), "t1"));
    assert.ok(data.some((v) => v > 0) && data.every((v) => Math.abs(v) < 1e-3), "two steps from zero");
  }));

Deno.test("pretrain() refuses cases and recipes that it cannot use, with the number or the setting's name", () =>
  inFolder(async (folder) => {
    await writeCases(join(folder, "data"));
    const { cases } = await readPretrainingSources([join(folder, "data")]);
    const request = { recipe: TINY_PRETRAINING, engine, workDirectory: folder, outputDirectory: folder, onEvent() {} };
    const refuse = (changes: object, code: string, message: RegExp) =>
      assert.rejects(
        pretrain({ cases, ...request, ...changes }),
        (e) => e instanceof TrainingError && e.code === code && message.test(e.message),
      );
    await refuse({ cases: [] }, "invalid-data", /^Cannot pre-train: expected at least one case, got none$/);
    await refuse({ cases: [{ id: "Meier", images: {} }] }, "invalid-data", /case 1: expected at least one image, got/);
    const gone = { id: "Meier", images: { t1: join(folder, "Meier.nii.gz") } };
    await refuse({ cases: [...cases, gone] }, "invalid-data", /^Cannot train on case 4: its t1 cannot be read$/);
    await copyFile(import.meta.filename!, join(folder, "Meier.nii"));
    const broken = { id: "Meier", images: { t1: join(folder, "Meier.nii") } };
    await refuse({ cases: [broken] }, "invalid-data", /^Cannot train on case 1: t1: (?!.*Meier)/);
    await refuse({ recipe: { preset: "edge", steps: 0 } }, "invalid-recipe", /recipe\.steps to be a whole number/);
  }));

const SHARED = join(import.meta.dirname!, "../../shared/data/ms");
const isAbsent = !(await Deno.stat(SHARED).then(() => true, () => false));

Deno.test({
  name: "pretrain() of two shared patients: 200 updates reconstruct better than predicting every patch's mean" +
    (isAbsent ? " (skipped: ../shared/data is not there)" : ""),
  ignore: isAbsent,
  fn: () =>
    inFolder(async (folder) => {
      const { cases } = await readPretrainingSources(
        ["patient07", "patient19"].map((patient) => join(SHARED, patient)),
      );
      assert.deepEqual(cases.map((c) => Object.keys(c.images).length), [4, 4]);
      const { metrics } = await pretrain({
        cases,
        recipe: {
          preset: "edge",
          steps: 200,
          roi: [32, 32, 32],
          spacingMm: [4, 4, 4],
          network: { ...TINY_ENCODER, config: { ...TINY_ENCODER.config, widths: [16, 32, 64, 64] } },
          templates: { sizeVox: [48, 56, 48], spacingMm: [4, 4, 4] },
        },
        workDirectory: join(folder, "work"),
        outputDirectory: join(folder, "output"),
        engine,
        onEvent: () => {},
      });
      // means over updates 101 to 200; the error of predicting the mean is 0.12
      const { md, cmr, meanPredictor } = metrics as Record<string, number>;
      assert.ok(md < 0.75 * meanPredictor && cmr < 0.75 * meanPredictor, JSON.stringify(metrics));
    }),
});
