/** The runner on runs that compute nothing, and one experiment from files to its page on the CPU engine. */
import assert from "node:assert/strict";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DICE, fakeRun, inFolder, optionsOf, writeHippocampi } from "./testing/fixtures.ts";
import { type ExperimentOptions, lostRows, runExperiments } from "./experiment.ts";
import { planOf } from "./plans/plans.ts";
import { RunProcesses } from "./processes/run_processes.ts";
import { RunCache } from "./runs/runs.ts";
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

const DEVICE = { provider: "cpu", threads: 1 } as const;

/** In this process, one after the other. */
function optionsFor(folder: string): ExperimentOptions {
  const cache = new RunCache(join(folder, "work"), DEVICE);
  const perform: ExperimentOptions["perform"] = (_, run) => cache.perform(run);
  return { cache, outDirectory: join(folder, "out"), command: "deno task experiment", perform };
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

Deno.test("lostRows() names the rows of a record that a plan would overwrite", () =>
  inFolder(async (folder) => {
    const options = optionsFor(folder), whole = fakePlan([0, 1], []);
    assert.deepEqual(await lostRows(whole, options.outDirectory), []);
    await runExperiments([whole], options);
    assert.deepEqual(await lostRows(whole, options.outDirectory), []);
    assert.deepEqual(await lostRows(fakePlan([1], []), options.outDirectory), [
      "scratch, seed 0",
      "pre-trained, seed 0",
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

Deno.test("runExperiments() fine-tunes on hippocampi in another process, scores, and writes JSON, CSV, SVG, page", () =>
  inFolder(async (folder) => {
    const options = optionsFor(folder), { outDirectory, cache } = options;
    await writeHippocampi(folder, [3, 4, 6, 7, 8]);
    const asked = optionsOf({
      data: folder,
      variants: ["scratch+roi=[32,32,32]"],
      labelled: [1],
      budget: { updates: 2 },
    });
    const plan = await planOf("hippocampus", asked);
    const processes = new RunProcesses({ workDirectory: join(folder, "work"), options: asked, device: DEVICE });
    try {
      const perform: ExperimentOptions["perform"] = (_, run, onEvent) => processes.perform("hippocampus", run, onEvent);
      const { failed } = await runExperiments([plan], { ...options, perform });
      assert.equal(failed, 0);
      await assert.rejects(processes.perform("hippocampus", fakeRun("strange", { done: [] }), () => {}), {
        message: /^Cannot do run [0-9a-f]{16}: expected one of hippocampus; did its data change\?$/,
      });
    } finally {
      await processes.close();
    }
    const name = "hippocampus-1-2u-fold0";
    assert.deepEqual(
      (await readdir(outDirectory)).sort(),
      ["README.md", ...["csv", "json", "svg"].map((e) => `${name}.${e}`)],
    );
    const { rows: [row], planned, machines } = await jsonIn(join(outDirectory, `${name}.json`));
    assert.deepEqual([planned, machines[0].provider], [1, "cpu"]);
    const { values, patients } = row;
    assert.equal(values.updates, 2);
    assert.ok(values.dice! >= 0 && values.dice! <= 1 && values["dice anterior"] !== null, `${values.dice}`);
    assert.ok(values.trainSeconds! > 0 && values.trainSeconds! <= row.seconds && values.peakGb! > 0);
    assert.deepEqual(patients!.map((p) => p.id), ["hippocampus_003"]);
    for (const run of plan.rows.flatMap((r) => r.runs)) assert.ok(await cache.find(run), run.title);
  }));
