import assert from "node:assert/strict";
import { inFolder, optionsOf, writeHippocampi } from "../testing/fixtures.ts";
import { keyOf } from "../runs/runs.ts";
import type { PretrainingRecipe, Recipe } from "../../../src/train/mod.ts";
import type { Plan } from "../types.ts";
import { hippocampus } from "./hippocampus.ts";

const NUMBERS = [3, 4, 6, 7, 8, 11, 14, 17, 19, 23, 24, 26];
const name = (n: number) => `hippocampus_${String(n).padStart(3, "0")}`;

interface Sets {
  readonly train: { readonly ids: readonly string[] };
  readonly test: { readonly ids: readonly string[] };
  readonly recipe: unknown;
}

const setsOf = ({ rows }: Plan) => rows.map(({ runs: [run] }) => run.settings as Sets);

Deno.test("hippocampus() reads the test part for the final scores only, and gives every variant the same patients", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, NUMBERS);
    const asked = { data: folder, variants: ["scratch", "pretrained+templates"], labelled: [2, null], seeds: [0, 1] };
    const isTest = (id: string) => [6, 11, 26].map(name).includes(id);
    const fold = setsOf(await hippocampus(optionsOf(asked)));
    assert.equal(fold.length, 2 * 2 * 2);
    for (const { train, test } of fold) {
      assert.ok(![...train.ids, ...test.ids].some(isTest));
      assert.ok(!test.ids.some((id) => train.ids.includes(id)));
    }
    const plan = await hippocampus(optionsOf({ ...asked, part: "test" })), final = setsOf(plan);
    for (const { train, test } of final) {
      assert.ok(test.ids.every(isTest) && test.ids.length === 3);
      assert.ok(!train.ids.some(isTest));
    }
    assert.deepEqual(final.map((s) => s.train.ids.length), [2, 2, 2, 2, 9, 9, 9, 9]);
    for (let i = 0; i < final.length; i += 2) assert.deepEqual(final[i].train, final[i + 1].train);
    assert.deepEqual([plan.name, plan.baseline, plan.rows[4].at], ["hippocampus-2-all-2u", "scratch", "9"]);
    assert.equal(new Set(plan.rows.map(({ runs: [run] }) => keyOf(run))).size, plan.rows.length);
  }));

Deno.test("hippocampus() plans pre-trainings whose parts are added one after the other, one of its own for each seed", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, NUMBERS);
    const variants = ["scratch", "cmr", "cmr+md", "cmr+md+mcl", "cmr+md+mcl+templates=false"];
    const { rows } = await hippocampus(optionsOf({ data: folder, variants, seeds: [0, 1] }));
    const found = rows.map(({ variant, seed, runs: [{ settings, needs }] }) => {
      const { recipe } = settings as { recipe: Recipe };
      const pretraining = needs.find((r) => r.kind === "pretraining");
      const own = (pretraining?.settings as { recipe: PretrainingRecipe } | undefined)?.recipe;
      assert.equal(own?.seed ?? seed, seed);
      assert.deepEqual(pretraining?.needs.map((r) => r.kind) ?? ["simulation"], ["simulation"]);
      return [variant, own?.weights ?? null, recipe.templates];
    });
    const parts = [
      ["scratch", null, false],
      ["cmr", { cmr: 1, md: 0, contrast: 0 }, false],
      ["cmr+md", { cmr: 1, md: 1, contrast: 0 }, true],
      ["cmr+md+mcl", { cmr: 1, md: 1, contrast: 0.1 }, true],
      ["cmr+md+mcl+templates=false", { cmr: 1, md: 1, contrast: 0.1 }, false],
    ];
    assert.deepEqual(found, [...parts, ...parts]);
    const runs = rows.flatMap((r) => r.runs).flatMap((r) => r.needs).filter((r) => r.kind === "pretraining");
    assert.equal(new Set(runs.map(keyOf)).size, 2 * 3, "a pre-training is made once for its two fine-tunes");
  }));

Deno.test("hippocampus() plans a curve over time for one number of labelled patients", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, NUMBERS);
    const budget = { seconds: 160, on: { provider: "cpu", threads: 2 } } as const;
    const curve = { data: folder, curve: true, budget };
    const plan = await hippocampus(optionsOf({ ...curve, labelled: [2] }));
    assert.deepEqual(plan.rows.map((r) => r.at), ["10", "20", "40", "80", "160"]);
    assert.deepEqual([plan.name, plan.chart], ["hippocampus-2-160s-curve-fold0", {
      kind: "lines",
      xName: "seconds",
      axis: "seconds",
    }]);
    await assert.rejects(hippocampus(optionsOf({ ...curve, labelled: [2, 4] })), {
      message: "expected one place for a curve over time, got 2",
    });
  }));
