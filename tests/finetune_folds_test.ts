/** What folds are for besides their figures: they end early, and show how the score grows with the number of patients. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { finetune, type Recipe } from "../src/train/mod.ts";
import { requestOf, TINY_ENCODER, writeBase } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

/** The report of a fine-tune of tiny phantoms. */
async function reportOf(folder: string, { count, recipe }: { count: number; recipe: Partial<Recipe> }) {
  const data = join(folder, "data");
  await writePhantomDataset(data, { seed: 1, count, sizeVox: [30, 36, 31], spacingMm: [1, 1, 1], lesions: 4 });
  await writeBase(join(folder, "base"), { architecture: TINY_ENCODER });
  const { cases } = await readDatasetFolder(data);
  const request = requestOf({ folder, engine, cases, recipe });
  await finetune(request);
  return JSON.parse(await readFile(join(request.outputDirectory, "report.json"), "utf8"));
}

Deno.test("finetune() looks at crops of a fold's held-out patients where the recipe says so, and reports what it saw", () =>
  inFolder(async (folder) => {
    const folds = { foldSteps: 120, foldsRun: 1, validation: { folds: 2 } };
    const recipe = {
      ...folds,
      steps: 1,
      batchSize: 8,
      roi: [16, 16, 16],
      checkpointEverySteps: 7,
      earlyStop: "held-out",
    } as const;
    const report = await reportOf(folder, { count: 2, recipe });
    const [fold, final] = report.phases;
    const looked = fold.heldOut.map(([step]: [number]) => step);
    assert.deepEqual(looked.slice(0, 8), [14, 28, 42, 56, 70, 84, 98, 112].slice(0, looked.length));
    assert.ok(looked.length === 8 || fold.stopped !== null, `${looked}`);
    assert.ok(fold.heldOut.every(([_, score]: [number, number]) => score >= 0 && score <= 1));
    assert.ok(fold.heldOutShare > 0 && fold.heldOutShare < 0.5, `${fold.heldOutShare}`);
    assert.ok(!("heldOut" in final), "the final network holds nobody out");
    assert.ok(
      report.notes.some((note: string) => note.startsWith("Looking at crops of held-out patients took at most")),
    );
  }));

Deno.test("finetune() trains twins of folds on half of the patients, and says what one more would bring; hard crops too", () =>
  inFolder(async (folder) => {
    const folds = { foldSteps: 6, foldsRun: 2, halfFolds: 2, validation: { folds: 4 } };
    const hard = { hardCrops: 0.5, batchSize: 8, roi: [16, 16, 16], checkpointEverySteps: 2 } as const;
    const report = await reportOf(folder, { count: 8, recipe: { ...folds, ...hard, steps: 70 } });
    const names = report.phases.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, [
      "fold 1 of 2",
      "fold 2 of 2",
      "half of fold 1 of 2",
      "half of fold 2 of 2",
      "final",
    ]);
    const [fold, , half, , final] = report.phases;
    const casesOf = ({ cases }: { cases: { case: string }[] }) => cases.map((c) => c.case);
    assert.deepEqual([casesOf(half), half.trainPatients, half.steps], [casesOf(fold), 3, 6]);
    assert.equal(report.heldOutPatients.length, 4, "twins score the same patients again");
    const { means, sentence } = report.learningCurve;
    assert.deepEqual(
      means.map((m: { trainPatients: number; points: number }) => [m.trainPatients, m.points]),
      [[3, 4], [6, 4]],
    );
    assert.match(sentence, /^(One more labelled patient would probably bring|The folds cannot tell what one more) /);
    assert.ok(final.hardLooks.looks >= 2 && final.hardLooks.share < 1, JSON.stringify(final.hardLooks));
    assert.ok(report.notes.some((note: string) => note.startsWith("50.0 % of the crops lay near those in which")));
  }));
