/** The runner on runs that compute nothing, and one experiment from phantoms to its files on the CPU engine. */
import assert from "node:assert/strict";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DICE, fakeRun, inFolder } from "./testing/fixtures.ts";
import { type ExperimentOptions, runExperiments } from "./experiment.ts";
import type { SingleImage } from "./work/data.ts";
import { labelEfficiency } from "./plans/label_efficiency.ts";
import { classificationValues, foldsByPatient } from "./plans/modality_classifier.ts";
import { PHANTOM_TASK, SMOKE_PHANTOM_TASK, VARIANTS } from "./plans/phantom_task.ts";
import { pretrainingParts } from "./plans/pretraining_parts.ts";
import { keyOf, RunCache } from "./runs/runs.ts";
import type { PretrainingRecipe, Recipe } from "../../src/train/mod.ts";
import type { ExperimentRecord, Plan } from "./types.ts";

const jsonIn = async (path: string): Promise<ExperimentRecord> => JSON.parse(await readFile(path, "utf8"));

function fakePlan(seeds: readonly number[], done: string[]): Plan {
  const base = fakeRun("base", { result: { metrics: { md: 1 }, provider: "cpu" }, done });
  return {
    name: "label-efficiency",
    title: "Fake",
    notes: [],
    settings: { seeds },
    metrics: [DICE],
    baseline: "scratch",
    chart: { kind: "bars" },
    rows: seeds.flatMap((seed) =>
      ["scratch", "pre-trained"].map((variant, i) => ({
        variant,
        at: "",
        seed,
        runs: [fakeRun(`${variant} ${seed}`, { result: 0.5 + i * 0.1, needs: i === 0 ? [] : [base], done })],
        combine: ([dice]: readonly unknown[]) => ({ values: { dice: dice as number }, details: {} }),
      }))
    ),
  };
}

/** In this process, one after the other. */
function optionsFor(folder: string): ExperimentOptions {
  const cache = new RunCache(join(folder, "work"));
  return { cache, outDirectory: join(folder, "out"), perform: (_, run) => cache.perform(run) };
}

Deno.test("runExperiments() resumes where it was, and writes a part of it on request", () =>
  inFolder(async (folder) => {
    const options = optionsFor(folder);
    const done: string[] = [];
    await runExperiments([fakePlan([0], done)], options);
    const { records: [part] } = await runExperiments([fakePlan([0, 1], done)], { ...options, onlyDone: true });
    assert.deepEqual([part.rows.length, part.planned], [2, 4]);
    assert.match(await readFile(join(folder, "out", "README.md"), "utf8"), /2 of 4 results\. Seed 0\./);
    assert.deepEqual(done, ["scratch 0", "base", "pre-trained 0"]);

    const lines: string[] = [];
    const { records: [whole], failed } = await runExperiments([fakePlan([0, 1], done)], {
      ...options,
      log: (line) => lines.push(line),
    });
    assert.equal(failed, 0);
    assert.deepEqual(done, ["scratch 0", "base", "pre-trained 0", "scratch 1", "pre-trained 1"]);
    assert.deepEqual(await jsonIn(join(folder, "out", "label-efficiency.json")), whole);
    assert.deepEqual(whole.rows.map((r) => [r.variant, r.seed, r.values.dice]), [
      ["scratch", 0, 0.5],
      ["pre-trained", 0, 0.6],
      ["scratch", 1, 0.5],
      ["pre-trained", 1, 0.6],
    ]);
    assert.deepEqual(whole.preparations.map((p) => [p.title, p.result]), [[
      "base",
      { metrics: { md: 1 }, provider: "cpu" },
    ]]);
    assert.equal(lines.find((l) => l.includes("runs are done")), "3 of 5 runs are done");
    assert.match(
      lines.find((l) => l.startsWith("scratch 1: done"))!,
      /done in .* s; 4 of 5 runs, about \d+ min left$/,
    );
    assert.deepEqual(lines.slice(-2), [
      "label-efficiency: pre-trained, seed 1: Dice 0.600",
      "label-efficiency: 4 of 4 rows",
    ]);
  }));

Deno.test("runExperiments() with onlyDone needs the folder of results only", () =>
  inFolder(async (folder) => {
    const options = optionsFor(folder);
    const { records: [whole] } = await runExperiments([fakePlan([0], [])], options);
    await cp(join(folder, "work", "results"), join(folder, "copy", "results"), { recursive: true });
    const { records: [copied] } = await runExperiments([fakePlan([0], [])], {
      ...options,
      cache: new RunCache(join(folder, "copy")),
      onlyDone: true,
    });
    assert.deepEqual(copied, whole);
    const lines: string[] = [];
    const cache = new RunCache(join(folder, "nothing")), log = (line: string) => lines.push(line);
    await runExperiments([fakePlan([0], [])], { ...options, cache, onlyDone: true, log });
    assert.deepEqual(lines, ["0 of 3 runs are done", "label-efficiency: 0 of 2 rows"]);
  }));

Deno.test("runExperiments() logs and counts a run that fails, and does the others, those of two plans once", () =>
  inFolder(async (folder) => {
    const done: string[] = [], lines: string[] = [];
    const plan = fakePlan([0], done), options = optionsFor(folder);
    const { records, failed } = await runExperiments([plan, { ...plan, name: "ms-lesion" }], {
      ...options,
      perform: (name, run, onEvent) =>
        run.title === "base" ? Promise.reject(new Error("no room")) : options.perform(name, run, onEvent),
      log: (line) => lines.push(line),
    });
    assert.deepEqual([failed, done], [1, ["scratch 0"]]);
    assert.deepEqual(records.map((r) => [r.name, r.rows.length, r.planned]), [
      ["label-efficiency", 1, 2],
      ["ms-lesion", 1, 2],
    ]);
    assert.ok(lines.includes("base failed: no room"), lines.join("\n"));
  }));

Deno.test("pretrainingParts() plans every variant with every seed, parts added one after the other", () => {
  const { rows } = pretrainingParts({ seeds: [0, 1, 2], task: SMOKE_PHANTOM_TASK });
  assert.equal(rows.length, 3 * VARIANTS.length);
  const known = rows.slice(VARIANTS.length, 2 * VARIANTS.length).map(({ variant, seed, runs: [run] }) => {
    const { recipe } = run.settings as { recipe: Recipe };
    const base = run.needs.find((r) => r.kind === "pretraining");
    const pretraining = (base?.settings as { recipe: PretrainingRecipe } | undefined)?.recipe;
    assert.deepEqual([seed, recipe.seed, pretraining?.seed ?? 1], [1, 1, 1]);
    return [variant, pretraining?.weights ?? null, recipe.templates];
  });
  assert.deepEqual(known, [
    ["scratch", null, false],
    ["+CMR", { cmr: 1, md: 0, contrast: 0 }, false],
    ["+CMR+MD", { cmr: 1, md: 1, contrast: 0 }, true],
    ["+CMR+MD+MCL", { cmr: 1, md: 1, contrast: 0.1 }, true],
    ["+CMR+MD+MCL (one view)", { cmr: 1, md: 1, contrast: 0.1 }, false],
  ]);
});

Deno.test("labelEfficiency() shares the runs on all labelled patients with pretrainingParts()", () => {
  const options = { seeds: [0], task: PHANTOM_TASK };
  const keys = ({ rows }: Plan) => rows.map(({ runs: [run] }) => keyOf(run));
  const { rows } = labelEfficiency(options);
  const trained = rows.map((r) => (r.runs[0].settings as { train: { ids: string[] } }).train.ids.length);
  assert.deepEqual(trained, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  const parts = keys(pretrainingParts(options)), shares = keys(labelEfficiency(options));
  assert.deepEqual(shares.slice(-2), [parts[0], parts[3]]);
  assert.equal(new Set([...shares, ...parts]).size, shares.length + parts.length - 2);
});

Deno.test("foldsByPatient() holds every patient out once and leaves every class to learn from", () => {
  const images = ["a_1 t1 t2", "b_1 t1 t1c", "b_2 t1", "c_1 t1 t1c t2", "d_1 t2"].flatMap((line) => {
    const [study, ...modalities] = line.split(" ");
    return modalities.map((m) => ({
      id: `${study}/${m}`,
      patient: study.slice(0, 1),
      images: {},
      className: m as SingleImage["className"],
    }));
  });
  const folds = foldsByPatient(images);
  assert.deepEqual(folds.flatMap((f) => f.test.map((c) => c.id)).sort(), images.map((c) => c.id).sort());
  for (const { train, test } of folds) {
    assert.equal(train.length + test.length, images.length);
    assert.ok(!test.some((c) => train.some((t) => t.patient === c.patient)));
    assert.deepEqual([...new Set(train.map((c) => c.className))].sort(), ["t1", "t1c", "t2"]);
  }
});

Deno.test("classificationValues() takes all held-out images of the folds together", () => {
  const sure = (c: number) => [0, 1, 2, 3].map((k) => k === c ? 0.7 : 0.1);
  const fold = (...pairs: [number, number][]) => ({
    provider: "cpu",
    cases: pairs.map(([actual, predicted], i) => ({ id: `${i}`, actual, probabilities: sure(predicted) })),
  });
  const { values, details } = classificationValues([fold([0, 0], [1, 1]), fold([2, 2], [3, 2])]);
  assert.equal(values.accuracy, 0.75);
  assert.ok(Math.abs(values.macroF1! - (1 + 1 + 2 / 3) / 4) < 1e-12, `${values.macroF1}`);
  assert.ok(values.auc! > 0.5 && values.auc! < 1);
  const { confusion } = details as { confusion: number[][] };
  assert.deepEqual(confusion, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]);
});

/** Without any pre-training, with a part of it, and with all of it and templates. */
const TRIED = [VARIANTS[0], VARIANTS[1], VARIANTS[3]];

Deno.test("pretrainingParts() pre-trains, fine-tunes, scores, and writes JSON, CSV, SVG and the page", () =>
  inFolder(async (folder) => {
    const options = optionsFor(folder), { outDirectory, cache } = options;
    const plan = pretrainingParts({ seeds: [5], task: SMOKE_PHANTOM_TASK, variants: TRIED });
    const { failed } = await runExperiments([plan], options);
    assert.equal(failed, 0);
    assert.deepEqual((await readdir(outDirectory)).sort(), [
      "README.md",
      "pretraining-parts.csv",
      "pretraining-parts.json",
      "pretraining-parts.svg",
    ]);
    const { rows, planned, preparations, machines } = await jsonIn(join(outDirectory, "pretraining-parts.json"));
    assert.deepEqual(rows.map((r) => [r.variant, r.seed]), TRIED.map((v) => [v.name, 5]));
    assert.deepEqual([planned, machines.length, machines[0].provider], [TRIED.length, 1, "cpu"]);
    for (const { variant, values: { dice, hd95Mm, empty }, seconds, details } of rows) {
      assert.ok(dice !== null && dice >= 0 && dice <= 1, `${variant}: Dice ${dice}`);
      assert.ok(empty === 1 ? hd95Mm === null : hd95Mm! > 0, `${variant}: HD95 ${hd95Mm}`);
      assert.ok(seconds > 0);
      const { patients } = details as { patients: { id: string; referenceMl: number }[] };
      assert.deepEqual(patients.map((p) => p.id), ["phantom005"]);
      assert.ok(patients[0].referenceMl > 0);
    }
    assert.deepEqual(preparations.map((p) => p.title), [
      "pre-training +CMR, seed 5",
      "pre-training +CMR+MD+MCL, seed 5",
    ]);
    const csv = (await readFile(join(outDirectory, "pretraining-parts.csv"), "utf8")).trimEnd().split("\n");
    assert.deepEqual(csv.slice(1).map((line) => line.split(",")[0]), TRIED.map((v) => v.name));
    for (const run of plan.rows.flatMap((r) => r.runs)) assert.ok(await cache.find(run), run.title);
  }));
