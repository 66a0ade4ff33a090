import assert from "node:assert/strict";
import { readyDataset } from "../../datasets/testing/cases.ts";
import { DEFAULT_BUDGET } from "../../inference/mod.ts";
import { Readers } from "../../process/mod.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { FELL_BACK } from "../testing/fake_tasks.ts";
import { withWorkplace } from "../testing/jobs.ts";
import { finetune } from "./finetune.ts";

const test = databaseTests();

/** The plan of a real training, by a version of this program that lacked a setting of today's. */
const { plan: PLAN } = JSON.parse(await Deno.readTextFile("models/hippocampus/2/report.json"));

test("a fine-tune killed between its version and its end has the same record, without a second training", (database) =>
  withWorkplace(database, async ({ registry, datasets, dataDirectory }) => {
    const house = {
      registry,
      datasets,
      provider: "cpu",
      modalityCheck: null,
      onCheckFailed: () => {},
      readers: new Readers(),
      budget: DEFAULT_BUDGET,
    } as const;
    const output = `${dataDirectory}/output`;
    await Deno.mkdir(output);
    let trainings = 0;
    const context = {
      ...house,
      id: crypto.randomUUID(),
      paths: { work: `${dataDirectory}/work`, output, mask: `${dataDirectory}/mask` },
      async work({ task, labels, classes, modalities, base }: { base: { spec: object } } & Record<string, unknown>) {
        trainings++;
        await Deno.writeTextFile(`${output}/network.onnx`, "trained");
        await Deno.writeTextFile(`${output}/report.json`, JSON.stringify({ identities: "pseudonyms", plan: PLAN }));
        return {
          spec: { ...base.spec, task, labels, classes, modalities },
          validation: { dice: 0.5 },
          training: {},
          resolvedRecipe: { preset: "edge" },
          plan: PLAN,
          provider: "fake",
          peakBytes: 1,
          warnings: [FELL_BACK],
        };
      },
    };
    const wish = {
      dataset: await readyDataset(datasets),
      base: { model: "base" },
      name: "mine",
      recipe: { preset: "edge" },
    } as const;
    const { input } = await finetune.plan(wish, { ...house, awaited: false, takeImages: () => Promise.resolve([]) });
    const told = await finetune.run(input, context as unknown as Parameters<typeof finetune.run>[1]);
    const again = await finetune.run(input, context as unknown as Parameters<typeof finetune.run>[1]);
    assert.equal(trainings, 1);
    assert.ok(!("ensemble" in PLAN.recipe), "the plan has all of today's settings, and shows nothing");
    assert.deepEqual(told, {
      result: { model: "mine", version: 1, provider: "fake", warnings: [FELL_BACK], plan: PLAN },
      validation: { dice: 0.5 },
    });
    assert.deepEqual(again, told);
  }));
