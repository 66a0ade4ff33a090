import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fakeRun, inFolder } from "./_fixtures.ts";
import { keyOf, type Run, RunCache } from "./runs.ts";

Deno.test("RunCache.get() does a run and what it needs once, also for a later process", () =>
  inFolder(async (folder) => {
    const done: string[] = [];
    const base = fakeRun("base", { result: { a: 1 }, done });
    const first = fakeRun("first", { result: { dice: 0.5 }, needs: [base], done });
    const second = fakeRun("second", { needs: [base], done });
    const runs = new RunCache(folder);
    assert.equal(await runs.find(first), null);
    assert.deepEqual((await runs.get(first)).result, { dice: 0.5 });
    await runs.get(second);
    const later = new RunCache(folder);
    assert.deepEqual((await later.get(first)).result, { dice: 0.5 });
    assert.deepEqual(done, ["base", "first", "second"]);
    assert.deepEqual((await readdir(runs.folderOf(first))).sort(), ["result.json"]);
  }));

Deno.test("RunCache.get() leaves a failed run's work for the next attempt", () =>
  inFolder(async (folder) => {
    let attempts = 0;
    const run: Run = {
      ...fakeRun("fragile", { done: [] }),
      keepsOutput: true,
      async execute({ workDirectory, outputDirectory }) {
        const checkpoint = join(workDirectory, "checkpoint");
        if (attempts++ === 0) {
          await Deno.writeTextFile(checkpoint, "step 7");
          throw new Error("killed");
        }
        await Deno.writeTextFile(join(outputDirectory, "network.onnx"), "");
        return { from: await Deno.readTextFile(checkpoint) };
      },
    };
    const runs = new RunCache(folder);
    await assert.rejects(runs.get(run), /killed/);
    assert.equal(await runs.find(run), null);
    assert.deepEqual((await runs.get(run)).result, { from: "step 7" });
    assert.deepEqual(await readdir(runs.outputOf(run)), ["network.onnx"]);
  }));

Deno.test("keyOf() changes with settings and with what a run needs, not with its title", () => {
  const run = fakeRun("a", { done: [] }), needing = (other: Run) => ({ ...run, needs: [other] });
  const keys = [run, { ...run, settings: { steps: 2 } }, needing(run), needing(fakeRun("b", { done: [] }))].map(keyOf);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(keyOf({ ...run, title: "another" }), keyOf(run));
});
