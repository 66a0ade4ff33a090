/** Fine-tuning in a given time: planned from the data, measured on the device, resumed along the same plan. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { finetune, type FinetunePlan, planFinetune, planSchema, planWords, type TrainEvent } from "../src/train/mod.ts";
import { requestOf, TINY_ENCODER, writeBase } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

Deno.test("finetune() by auto plans, measures, keeps its plan when it is resumed, and says how many were held out", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    await writePhantomDataset(data, { seed: 1, count: 4, sizeVox: [30, 36, 31], spacingMm: [1, 1, 1], lesions: 4 });
    await writeBase(join(folder, "base"), { architecture: TINY_ENCODER });
    const { cases } = await readDatasetFolder(data);
    const recipe = {
      preset: "auto",
      budgetMinutes: 0.7, // enough for a fold on a machine that other tests use, too
      steps: undefined,
      roi: undefined,
      validation: undefined,
    } as const;
    const abort = new AbortController();
    const messages: string[] = [];
    const onEvent = (event: TrainEvent) => {
      if (event.type === "log") messages.push(event.message);
      if (event.type === "progress" && event.phase === "final") abort.abort();
    };
    const request = requestOf({ folder, engine, cases, recipe, changes: { onEvent, signal: abort.signal } });
    await assert.rejects(finetune(request), /was cancelled/);
    const timeOf = () => messages.findLast((m) => m.startsWith("Updates by time: of 0.7 min "));
    const before = timeOf();
    assert.match(before!, /1 of 4 folds of \d+ updates, which hold out 1 of 4 cases\.$/);

    const result = await finetune({ ...request, signal: undefined, onEvent });
    assert.equal(timeOf(), before, "a resumed run keeps its updates");
    const report = JSON.parse(await readFile(join(request.outputDirectory, "report.json"), "utf8"));
    const plan: FinetunePlan = planSchema.parse(report.plan);
    assert.deepEqual(plan, JSON.parse(JSON.stringify(result.plan)));
    assert.deepEqual([plan.recipe.roi, plan.recipe.validation, plan.recipe.foldsRun], [[32, 48, 32], { folds: 4 }, 1]);
    assert.equal(plan.expected.isMeasured, true);
    const final = report.phases.find(({ name }: { name: string }) => name === "final");
    assert.equal(final.steps, plan.recipe.steps);
    assert.ok(report.notes.some((note: string) => note.startsWith("Held out 1 of 4 patients: 1 of 4 planned folds")));

    // the plan without training has the same rules, and can be given back
    const options = { request, recipe: request.recipe, cases, baseHasTemplates: false, provider: "cpu" } as const;
    const shown = await planFinetune(options);
    assert.deepEqual([shown.fingerprint, shown.recipe.roi], [plan.fingerprint, plan.recipe.roi]);
    assert.equal(shown.expected.isMeasured, false);
    assert.ok(planWords(shown).some((line) => line.startsWith("Window") && line.includes("32×48×32 voxels")));
    const again = await planFinetune({ ...options, recipe: shown.recipe });
    assert.deepEqual(again.recipe, shown.recipe);
  }));
