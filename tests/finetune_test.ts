/** Fine-tuning from files to a package's files, on phantoms, with a tiny base, on the CPU engine. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { readCheckpoint } from "../src/train/loop/checkpoint.ts";
import type { Tensor } from "../src/tensor/mod.ts";
import { importModel } from "../src/graph/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { templatePath } from "../src/inference/mod.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { finetune, type FinetuneRequest, type Recipe, type TrainEvent, TrainingError } from "../src/train/mod.ts";
import { sampledGroups } from "../src/train/finetuning/phases/phases.ts";
import type { ProcessOptions } from "./testing/finetune_process.ts";
import { runAndKill } from "./testing/kill.ts";
import { LESION, requestOf, ROI, TINY_ENCODER, writeBase } from "./testing/tiny_models.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

type Log = TrainEvent[] & { of<T extends TrainEvent["type"]>(type: T): Extract<TrainEvent, { type: T }>[] };

/** A list that collects events. */
function eventLog(): Log {
  const list: TrainEvent[] = [];
  const of = (type: string) => list.filter((e) => e.type === type);
  return Object.assign(list, { of }) as Log;
}

interface Setup {
  readonly count: number;
  readonly task?: "segmentation" | "classification";
  readonly recipe?: Partial<Recipe>;
  readonly changes?: Partial<FinetuneRequest>;
  readonly templates?: boolean;
}

/** Phantoms and a base in a folder, the request to fine-tune it, and the list of its events. */
async function setUp(folder: string, { count, task, recipe, changes, templates = false }: Setup) {
  const data = join(folder, "data"), base = join(folder, "base");
  await writePhantomDataset(data, { seed: 1, count, sizeVox: [30, 36, 31], spacingMm: [1, 1, 1], lesions: 4, task });
  await writeBase(base, { architecture: TINY_ENCODER });
  if (templates) {
    const grid = orientedGrid([40, 44, 40]);
    const { images } = makePhantom({ seed: 99, sizeVox: grid.sizeVox, spacingMm: [1, 1, 1], lesions: 0 });
    await mkdir(join(base, "templates"));
    for (const modality of ["t1", "flair"] as const) {
      await writeVolume(templatePath(base, modality), grid, images[modality]);
    }
  }
  const { cases, classes, modalities } = await readDatasetFolder(data);
  const events = eventLog();
  const request = requestOf({
    folder,
    engine,
    cases,
    recipe,
    changes: {
      onEvent: (event) => events.push(event),
      ...(task === "classification" && { task, classes, modalities, labels: [] }),
      ...changes,
    },
  });
  return { request, events, data };
}

const jsonIn = async (path: string) => JSON.parse(await readFile(path, "utf8"));
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("finetune() trains and leaves out one patient of three at a time; output, events and report agree", () =>
  inFolder(async (folder) => {
    const recipe = { steps: 16, validation: "auto", seed: 4 } as const;
    const { request, events } = await setUp(folder, { count: 3, recipe });
    const result = await finetune(request);

    const steps = events.of("progress");
    const phases = [...new Set(steps.map((e) => e.phase))];
    assert.deepEqual(phases, ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3", "final"]);
    const final = steps.filter((e) => e.phase === "final");
    assert.deepEqual(final.map((e) => e.step), Array.from({ length: 16 }, (_, i) => i + 1));
    const losses = final.map((e) => e.loss);
    assert.ok(mean(losses.slice(-4)) < 0.95 * mean(losses.slice(0, 4)), `losses ${losses}`);
    assert.deepEqual([final[0].learningRate, final[8].learningRate], [4e-3, 2e-3]);
    assert.ok(steps.every((e) => e.etaSeconds >= 0) && final.at(-1)!.etaSeconds === 0);
    assert.deepEqual(events.of("validation").map((e) => [e.fold, e.folds]), [[1, 3], [2, 3], [3, 3]]);
    assert.ok(events.of("log").some((e) => e.message === "Prepared case 3 of 3"));

    const { outputDirectory } = request;
    const network = importModel(new Uint8Array(await readFile(join(outputDirectory, "network.onnx"))));
    assert.deepEqual(network.types.get("image")!.shape, [1, 2, ...ROI]);
    assert.deepEqual(network.outputs, ["out"]);
    assert.deepEqual(network.types.get("out")!.shape, [1, 1, ...ROI]);

    const report = await jsonIn(join(outputDirectory, "private/report.json"));
    assert.deepEqual(report.base, { model: "tiny", version: 1 });
    assert.deepEqual([report.task, report.cases, report.patients, report.provider], ["segmentation", 3, 3, "cpu"]);
    assert.deepEqual(report.modalities, ["t1", "flair"]);
    assert.deepEqual(report.phases.map((p: { name: string }) => p.name), phases);
    const scored = report.phases.map((p: { cases: { case: string }[] }) => p.cases.map((c) => c.case));
    const ids = request.cases.map((c) => c.id);
    assert.deepEqual(scored, [...ids.map((id) => [id]), ids]);
    assert.deepEqual(report.phases.at(-1).losses.map(([, l]: number[]) => l), losses);
    assert.match(report.notes[0], /^Validation figures are of patients that the network of their fold never saw\./);
    assert.equal(report.notes[2], "Trained on 3 cases. Not a medical device.");
    assert.deepEqual(report.recipe, JSON.parse(JSON.stringify(result.resolvedRecipe)));
    assert.deepEqual([report.recipe.steps, report.recipe.seed, report.recipe.roi], [16, 4, [...ROI]]);
    assert.deepEqual([report.validation, report.training], [result.validation, result.training]);
    for (const metrics of [result.validation!, result.training]) {
      assert.ok(metrics.pooledDice! >= 0 && metrics.pooledDice! <= 1);
    }
    const html = await readFile(join(outputDirectory, "private/report.html"), "utf8");
    // of the held-out cases, by the network that did not see them
    assert.equal(html.match(/data:image\/png/g)!.length, 3);
    assert.equal(result.spec.architecture.kind, "uniunet");
    const [{ trainingMl, ...label }] = result.spec.labels;
    assert.deepEqual(label, LESION);
    const volumes = report.phases.at(-1).cases.map((c: { labels: { referenceMl: number }[] }) =>
      c.labels[0].referenceMl
    );
    assert.deepEqual(trainingMl, { min: Math.min(...volumes), max: Math.max(...volumes) });
    assert.ok(result.peakBytes > 1e6);
  }));

Deno.test("finetune() by norm instance, ema and one head writes a network that normalises each window, and continues it", () =>
  inFolder(async (folder) => {
    const recipe = { steps: 4, norm: "instance", ema: 0.9, deepSupervision: false } as const;
    const { request } = await setUp(folder, { count: 1, recipe });
    const { spec } = await finetune(request);
    assert.equal(spec.architecture.config.instanceNorm, true);
    const read = async (directory: string) =>
      importModel(new Uint8Array(await readFile(join(directory, "network.onnx"))));
    const { nodes, constants } = await read(request.outputDirectory);
    assert.ok(!nodes.some(({ op }) => op === "BatchNormalization"));
    assert.ok(nodes.some(({ inputs }) => inputs.includes("encoder.blocks1.0.norm1.weight")));

    const next = {
      ...request,
      base: { name: "made", version: 1, directory: request.outputDirectory, spec },
      recipe: { ...request.recipe, norm: "batch", keepHead: true, learningRate: 1e-30 } as const,
      workDirectory: join(folder, "next-work"),
      outputDirectory: join(folder, "next"),
    };
    const continued = await finetune(next);
    assert.deepEqual(continued.spec.architecture, spec.architecture);
    const again = await read(next.outputDirectory);
    for (const [key, { data }] of constants) {
      assertClose(again.constants.get(key)!.data, data, { rtol: 1e-5, atol: 1e-8, what: key });
    }

    const anew = {
      ...request,
      recipe: { ...request.recipe, norm: "re-estimated" } as const,
      workDirectory: join(folder, "anew-work"),
      outputDirectory: join(folder, "anew"),
    };
    await finetune(anew);
    const mean = (await read(anew.outputDirectory)).constants.get("encoder.norm.running_mean")!;
    assert.ok(mean.data.some((v) => v !== 0));
  }));

Deno.test("finetune() of exclusive labels, Dice over the batch and resting weights of the base writes a softmax, and continues it", () =>
  inFolder(async (folder) => {
    const labels = [LESION, { name: "cavity", value: 2, colour: "#00aa00" }];
    const recipe = {
      steps: 3,
      batchSize: 2,
      batchDice: true,
      exclusive: "auto",
      frozenSteps: 3,
    } as const;
    const { request } = await setUp(folder, { count: 2, recipe, changes: { labels } });
    const { spec, resolvedRecipe } = await finetune(request);
    assert.deepEqual([resolvedRecipe.exclusive, resolvedRecipe.batch], [true, "joint"]);
    assert.deepEqual([spec.inference.activation, spec.architecture.config.outChannels], ["softmax", 3]);
    const read = async (directory: string) =>
      importModel(new Uint8Array(await readFile(join(directory, "network.onnx"))));
    const [before, after] = [await read(request.base.directory), await read(request.outputDirectory)];
    const moved = (key: string) => String(before.constants.get(key)?.data) !== String(after.constants.get(key)!.data);
    assert.ok(!moved("encoder.blocks1.0.conv1.weight") && !moved("decoder.decoder5.transp_conv.conv.weight"));
    assert.ok(moved("encoder.norm.running_mean"), "statistics follow all the same");

    const next = {
      ...request,
      base: { name: "made", version: 1, directory: request.outputDirectory, spec },
      recipe: { ...request.recipe, keepHead: true } as const,
      workDirectory: join(folder, "next-work"),
      outputDirectory: join(folder, "next"),
    };
    assert.equal((await finetune(next)).spec.inference.activation, "softmax");
    const separate = { ...next, recipe: { ...next.recipe, exclusive: false } as const };
    await assert.rejects(finetune(separate), /expected recipe\.exclusive to be true, as the head that is kept has it/);
  }));

Deno.test("finetune() goes on from the first fold's weights where the recipe says so", () =>
  inFolder(async (folder) => {
    const recipe = { steps: 10, foldSteps: 10, finalStart: "fold", validation: { folds: 2 } } as const;
    const { request } = await setUp(folder, { count: 2, recipe });
    await finetune(request);
    const read = async (phase: string) =>
      (await readCheckpoint(join(request.workDirectory, phase, "weights.safetensors")))!.tensors;
    const [one, two, final] = [await read("fold-1-of-2"), await read("fold-2-of-2"), await read("final")];
    const key = [...one.keys()].find((k) => k.endsWith("patch_embed2.proj.weight"))!;
    const apart = (a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>) => {
      const from = a.get(key)!.data as Float32Array, to = b.get(key)!.data as Float32Array;
      return Math.sqrt(from.reduce((sum, v, i) => sum + (v - to[i]) ** 2, 0));
    };
    assert.ok(
      apart(one, final) < apart(two, final),
      `${apart(one, final)} from fold 1, ${apart(two, final)} from fold 2`,
    );
  }));

Deno.test("finetune() in preset auto warms a network of ours up, clips its gradients and says so", () =>
  inFolder(async (folder) => {
    const recipe = { preset: "auto", steps: 10, warmupSteps: 3, clipNorm: 1e-3, augmentation: null } as const;
    const { request, events } = await setUp(folder, { count: 1, recipe });
    const { resolvedRecipe } = await finetune(request);
    const full = Number(resolvedRecipe.learningRate);
    const rates = events.of("progress").map(({ learningRate }) => learningRate / full);
    assertClose(rates.slice(0, 5), [0.25, 0.5, 0.75, 1, (1 + Math.cos(Math.PI / 7)) / 2], {
      rtol: 1e-6,
      what: "rates",
    });
    const { notes } = await jsonIn(join(request.outputDirectory, "report.json"));
    const said = (start: string) => notes.some((note: string) => note.startsWith(start));
    assert.ok(said("The rate rose over the first 3 updates."), notes.join("\n"));
    assert.ok(said("Gradients were clipped to a norm of 0.001 in 10 of 10 updates;"), notes.join("\n"));
  }));

Deno.test("finetune() of one patient does without validation and says so; a cancelled run resumes from its checkpoint", () =>
  inFolder(async (folder) => {
    const { request, events } = await setUp(folder, { count: 1, recipe: { validation: "auto", steps: 6 } });
    const abort = new AbortController();
    const stop = {
      ...request,
      signal: abort.signal,
      onEvent: (e: TrainEvent) => e.type === "progress" && e.step === 4 && abort.abort(),
    };
    await assert.rejects(finetune(stop), (e) => e instanceof TrainingError && e.code === "cancelled");
    const path = join(request.workDirectory, "final", "checkpoint.safetensors");
    assert.ok((await Deno.stat(path)).size > 1000);

    const { validation } = await finetune(request);
    assert.equal(validation, null);
    assert.deepEqual(events.of("progress").map((e) => e.step), [5, 6]);
    assert.ok(events.of("log").some((e) => e.message.startsWith("No validation: it needs at least two patients")));
    const report = await jsonIn(join(request.outputDirectory, "private/report.json"));
    assert.equal(report.validation, null);
    assert.match(report.notes[0], /^There was no validation/);
    const bytes = await readFile(join(request.outputDirectory, "network.onnx"));

    // finished phases are read from disk
    events.length = 0;
    await rm(request.outputDirectory, { recursive: true });
    await finetune(request);
    assert.deepEqual(events.of("progress"), []);
    assert.deepEqual(await readFile(join(request.outputDirectory, "network.onnx")), bytes);

    // unless they are damaged: then the run resumes from the last checkpoint
    events.length = 0;
    await writeFile(join(request.workDirectory, "final", "weights.safetensors"), "damaged");
    await finetune(request);
    const damaged = "final: The result on disk is damaged: this training is done again";
    assert.ok(events.of("log").some((e) => e.message === damaged));
    assert.deepEqual(events.of("progress").map((e) => e.step), [5, 6]);
    assert.deepEqual(await readFile(join(request.outputDirectory, "network.onnx")), bytes);
  }));

Deno.test("finetune() classifies, and compares with a twin from scratch", () =>
  inFolder(async (folder) => {
    const recipe = {
      steps: 4,
      batchSize: 2,
      validation: "auto",
      compareFromScratch: true,
      learningRate: 1e-3,
    } as const;
    const { request, events } = await setUp(folder, { count: 2, task: "classification", recipe });
    const result = await finetune(request);
    assert.deepEqual(
      [...new Set(events.of("progress").map((e) => e.phase))],
      ["fold 1 of 2", "fold 2 of 2", "from scratch: fold 1 of 2", "from scratch: fold 2 of 2", "final"],
    );
    assert.deepEqual(Object.keys(result.validation!), ["accuracy", "auc", "macroF1"]);
    const report = await jsonIn(join(request.outputDirectory, "private/report.json"));
    assert.deepEqual(Object.keys(report.fromScratch), ["accuracy", "auc", "macroF1"]);
    // each fold is trained on one class and scored on the other
    assert.deepEqual(result.validation, { accuracy: null, auc: null, macroF1: null });
    assert.ok(result.training.accuracy! >= 0);
    assert.match(report.notes[5], /^The device waited for samples during/);
    assert.deepEqual(report.notes.slice(6), [
      "Only one patient has clear (1 case), who is held out by fold 2 of 2: no figure of it can be measured.",
      "Only one patient has lesions (1 case), who is held out by fold 1 of 2: no figure of it can be measured.",
      "Held-out patients: 2 of 2 cases are not counted: the network that scored them was trained without their class, " +
      "or on no other.",
      "Held-out patients: no accuracy, AUC and macro F1: no case counts.",
    ]);
    for (const note of report.notes.slice(6, 8)) assert.ok(events.of("log").some((e) => e.message === note), note);
    const html = await readFile(join(request.outputDirectory, "private/report.html"), "utf8");
    assert.ok(html.includes("<li>Held-out patients: no accuracy, AUC and macro F1: no case counts.</li>"));
    for (const score of report.phases.at(-1).cases) {
      assert.ok(Math.abs(score.probabilities[0] + score.probabilities[1] - 1) < 1e-6);
    }
    const network = importModel(new Uint8Array(await readFile(join(request.outputDirectory, "network.onnx"))));
    assert.deepEqual(network.types.get("logits")!.shape, [1, 2]);
    assert.deepEqual([result.spec.task, result.spec.classes], ["classification", ["clear", "lesions"]]);
  }));

Deno.test("finetune() learns to classify single volumes of any modality", () =>
  inFolder(async (folder) => {
    const recipe = { steps: 80, learningRate: 3e-3 } as const;
    const changes = { task: "classification", modalities: ["any"], classes: ["t2", "flair"], labels: [] } as const;
    const { request } = await setUp(folder, { count: 2, recipe, changes });
    const cases = request.cases.flatMap(({ patient, images }) =>
      changes.classes.map((name) => ({
        id: `${patient}-${name}`,
        patient,
        images: { any: images[name] },
        className: name,
      }))
    );
    const { training, spec } = await finetune({ ...request, cases });
    assert.deepEqual([training.accuracy, spec.modalities, spec.classes], [1, ["any"], ["t2", "flair"]]);
  }));

Deno.test("sampledGroups() draws classes evenly where the recipe says so", () => {
  const cases = ["a", "b", "a", "a"].map((className, i) => ({ id: `${i}`, patient: `${i}`, images: {}, className }));
  const groups = (task: "segmentation" | "classification", balancedClasses: boolean) =>
    sampledGroups([3, 1, 0], { request: { task, cases }, recipe: { balancedClasses } });
  assert.deepEqual(groups("classification", true), [[3, 0], [1]]);
  assert.deepEqual(groups("classification", false), [[3, 1, 0]]);
  assert.deepEqual(groups("segmentation", true), [[3, 1, 0]]);
});

Deno.test("finetune() trains two views with the base's templates, also by the official preset, and passes the templates on", () =>
  inFolder(async (folder) => {
    const { request, events } = await setUp(folder, { count: 1, templates: true });
    const run = async (name: string, recipe: Recipe) => {
      const directories = { workDirectory: join(folder, name, "work"), outputDirectory: join(folder, name, "output") };
      events.length = 0;
      const result = await finetune({
        ...request,
        ...directories,
        recipe: { roi: ROI, steps: 2, batchSize: 1, ...recipe },
      });
      return { result, losses: events.of("progress").map((e) => e.loss), output: directories.outputDirectory };
    };
    const paper = await run("paper", { preset: "paper" });
    const official = await run("official", { preset: "official" });
    // three supervised heads with a loss near 1 each: summed over two views, or one loss over both
    assert.ok(paper.losses[0] > 4.5 && paper.losses[0] < 9, `${paper.losses}`);
    assert.ok(official.losses[0] > 2 && official.losses[0] < 4.5, `${official.losses}`);
    const { optimizer, views, consistency, templateFit } = official.result.resolvedRecipe;
    assert.deepEqual([(optimizer as { kind: string }).kind, views, templateFit], ["adam-l2", "interleaved", "raw"]);
    assert.deepEqual(consistency, { on: "out4", weight: 0.1 });
    for (const { output } of [paper, official]) {
      const { notes } = await jsonIn(join(output, "report.json"));
      assert.equal(notes[1], "Trained with the base's templates of t1, flair.");
      for (const modality of ["t1", "flair"] as const) {
        assert.deepEqual(
          await readFile(templatePath(output, modality)),
          await readFile(templatePath(request.base.directory, modality)),
        );
      }
    }
  }));

Deno.test("finetune() killed in mid-training ends with the same bytes as an undisturbed run", () =>
  inFolder(async (folder) => {
    // the paper's preset checkpoints every five steps
    const recipe: Recipe = { preset: "paper", steps: 8, batchSize: 1, roi: ROI, validation: "none", seed: 7 };
    const { request, events } = await setUp(folder, { count: 2, recipe });
    await finetune(request);
    const whole = await readFile(join(request.outputDirectory, "network.onnx"));

    assert.ok(
      await runAndKill("finetune_process.ts", { folder, name: "killed", recipe } satisfies ProcessOptions, 7),
      "killed before it was done",
    );
    const workDirectory = join(folder, "killed", "work"), outputDirectory = join(folder, "killed", "output");
    events.length = 0;
    await finetune({ ...request, workDirectory, outputDirectory });
    assert.deepEqual(events.of("progress").map((e) => e.step), [6, 7, 8], "from the checkpoint");
    assert.deepEqual(await readFile(join(outputDirectory, "network.onnx")), whole);
    const losses = async (directory: string) => (await jsonIn(join(directory, "report.json"))).phases[0].losses;
    assert.deepEqual(await losses(outputDirectory), await losses(request.outputDirectory));
  }));

Deno.test("finetune() refuses requests without cases, modalities, labels or classes, and recipes that do not fit", () =>
  inFolder(async (folder) => {
    const { request } = await setUp(folder, { count: 1 });
    const refuse = (changes: Partial<FinetuneRequest>, code: TrainingError["code"], message: string) =>
      assert.rejects(
        finetune({ ...request, ...changes }),
        (e) => e instanceof TrainingError && e.code === code && e.message === `Cannot fine-tune: ${message}`,
      );
    await refuse({ cases: [] }, "invalid-data", "expected at least one case, got none");
    await refuse({ modalities: [] }, "invalid-data", "expected at least one modality, got none");
    await refuse({ labels: [] }, "invalid-data", "expected at least one label, got none");
    await refuse(
      { task: "classification", classes: ["a"] },
      "invalid-data",
      "expected at least two classes, got 1",
    );
    await refuse(
      { recipe: { preset: "edge", templates: true } },
      "invalid-recipe",
      "expected recipe.templates to be false, because the base model has no templates, got true",
    );
    await assert.rejects(
      finetune({ ...request, signal: AbortSignal.abort() }),
      (e) => e instanceof TrainingError && e.code === "cancelled",
    );
  }));
