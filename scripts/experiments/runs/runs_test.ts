import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fakeRun, inFolder } from "../testing/fixtures.ts";
import { keyOf, type Run, RunCache } from "./runs.ts";

Deno.test("RunCache.perform() leaves a small result, found by a later process, and nothing heavy", () =>
  inFolder(async (folder) => {
    const run = fakeRun("first", { result: { dice: 0.5 }, done: [] });
    const runs = new RunCache(folder, { provider: "wasm", threads: 3 });
    assert.equal(await runs.find(run), null);
    assert.deepEqual((await runs.perform(run)).result, { dice: 0.5 });
    const later = await new RunCache(folder).find(run);
    assert.deepEqual(later!.result, { dice: 0.5 });
    assert.deepEqual([later!.machine.provider, later!.machine.threads, later!.machine.cores > 0], ["wasm", 3, true]);
    assert.deepEqual(await readdir(join(folder, "results")), [`fake-${keyOf(run)}.json`]);
    assert.ok(!existsSync(runs.folderOf(run)));
  }));

/** Fails at its first attempt, half done. */
function fragileRun(): Run {
  let attempts = 0;
  return {
    ...fakeRun("fragile", { done: [] }),
    keepsOutput: true,
    async execute({ workDirectory, outputDirectory }) {
      const checkpoint = join(workDirectory, "checkpoint");
      if (attempts++ === 0) {
        await Deno.writeTextFile(checkpoint, "step 7");
        await Deno.writeTextFile(join(outputDirectory, "half.onnx"), "");
        throw new Error("killed");
      }
      await Deno.writeTextFile(join(outputDirectory, "network.onnx"), "");
      return { from: await Deno.readTextFile(checkpoint) };
    },
  };
}

Deno.test("RunCache.perform() leaves a failed run's work for the next attempt", () =>
  inFolder(async (folder) => {
    const run = fragileRun();
    const runs = new RunCache(folder);
    await assert.rejects(runs.perform(run), /killed/);
    assert.equal(await runs.find(run), null);
    assert.ok(!existsSync(runs.outputOf(run)), "no output that is not whole");
    assert.deepEqual((await runs.perform(run)).result, { from: "step 7" });
    assert.deepEqual((await readdir(runs.outputOf(run))).sort(), ["half.onnx", "network.onnx"]);
    assert.deepEqual((await readdir(runs.folderOf(run))).sort(), ["lock", "output"]);
  }));

Deno.test("RunCache.isReady() needs the output that others use, whatever the result is", () =>
  inFolder(async (folder) => {
    const runs = new RunCache(folder);
    const leaf = fakeRun("leaf", { done: [] }), base = fakeRun("base", { keepsOutput: true, done: [] });
    assert.deepEqual([leaf, base].map((r) => runs.isReady(r)), [false, false]);
    for (const run of [leaf, base]) await runs.perform(run);
    assert.deepEqual([leaf, base].map((r) => runs.isReady(r)), [true, true]);
    await rm(join(folder, "runs"), { recursive: true });
    assert.deepEqual([leaf, base].map((r) => runs.isReady(r)), [true, false]);
    assert.ok(await runs.find(base));
  }));

Deno.test("keyOf() changes with settings and with what a run needs, not with its title", () => {
  const run = fakeRun("a", { done: [] }), needing = (other: Run) => ({ ...run, needs: [other] });
  const keys = [run, { ...run, settings: { steps: 2 } }, needing(run), needing(fakeRun("b", { done: [] }))].map(keyOf);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(keyOf({ ...run, title: "another" }), keyOf(run));
});
