import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { STRONG_AUGMENTATION } from "../../recipe/augmentation.ts";
import { TrainingError } from "../../types.ts";
import type { Sample } from "../augment.ts";
import { writeCase } from "../case_file.ts";
import { type CaseVolumes, labelledIn, packed } from "../labelled_case.ts";
import { recipeOf, volumesOf } from "../testing/draws.ts";
import { drawCrop, type DrawPlan } from "./draw_plan.ts";
import { DrawThread } from "./draw_thread.ts";

const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const SIZE = [20, 18, 16] as const;

/** Two cases of two channels, with or without templates; the second has no labelled voxel. */
function casesOf(templates: number): CaseVolumes[] {
  return [[1000, 2999], []].map((labels) => {
    const volumes = volumesOf(SIZE, { channels: 2, templates, labels });
    return {
      ...volumes,
      ...labelledIn(volumes.regions),
      inside: new Uint8Array(20 * 18 * 16).fill(1),
      placed: { affineRas: AFFINE, labelGrid: { sizeVox: SIZE, affineRas: AFFINE } },
      placement: null,
      spacingMm: [1, 1, 1],
    };
  });
}

/** As a classification has them: a class, no regions. */
const classified = (cases: readonly CaseVolumes[]): CaseVolumes[] =>
  cases.map(({ spacingMm: _, ...volumes }, i) => ({
    ...volumes,
    regions: [],
    ...labelledIn([]),
    inside: new Uint8Array(),
    placed: null,
    classTarget: Float32Array.of(i, 1 - i),
  }));

const planOf = (changes: Partial<DrawPlan["recipe"]> = {}): DrawPlan => ({
  recipe: recipeOf({ roi: [16, 16, 16], augmentation: STRONG_AUGMENTATION, labelBalance: true, ...changes }),
  seed: 7,
  name: "fold 1 of 2",
  groups: [[0, 1], [1]],
});

/** Whether two samples are the same, byte by byte: `deepEqual()` takes minutes. */
function isSame(one: Sample, other: Sample): boolean {
  const [a, b] = [one, other].map(({ views, target }) => [...views, target]);
  return a.length === b.length &&
    a.every((data, k) => data.length === b[k].length && Buffer.from(data.buffer).equals(Buffer.from(b[k].buffer)));
}

async function written(folder: string, cases: readonly CaseVolumes[]) {
  const paths = cases.map((_, i) => `${folder}/${i}.case`);
  for (const [i, volumes] of cases.entries()) await writeCase(paths[i], packed(volumes, []));
  return { paths, classTargets: cases.map(({ classTarget }) => classTarget) };
}

Deno.test("DrawThread draws what drawCrop() draws in this thread, bit by bit, in whichever order", () =>
  inFolder(async (folder) => {
    const variants = [
      { cases: casesOf(0), plan: planOf({ templates: false }) },
      { cases: casesOf(2), plan: planOf({ augmentation: null }) },
      { cases: classified(casesOf(0)), plan: planOf({ lesionShare: 0, templates: false }) },
    ];
    for (const { cases, plan } of variants) {
      using thread = new DrawThread(plan, await written(folder, cases));
      const numbers = [0, 1, 2, 3].flatMap((step) => [0, 1].map((i) => ({ step, i })));
      const ahead = await Promise.all(numbers.map((number) => thread.draw(number)));
      const again = await thread.draw(numbers[3]);
      for (const [k, number] of numbers.entries()) {
        assert.ok(isSame(ahead[k], await drawCrop(plan, number, (i) => Promise.resolve(cases[i]))), `crop ${k}`);
      }
      assert.ok(isSame(again, ahead[3]) && !isSame(again, ahead[2]));
    }
  }));

Deno.test("DrawThread refuses crops of a case whose file is gone or damaged, by its number, and draws others", () =>
  inFolder(async (folder) => {
    const files = await written(folder, casesOf(0));
    const plan = { ...planOf({ templates: false }), groups: [[1]] };
    const refused = (e: unknown) =>
      e instanceof TrainingError && e.code === "invalid-data" &&
      e.message ===
        "Cannot draw a crop of case 2: its prepared file is gone or damaged; start the training again, which " +
          "prepares it anew";
    await Deno.truncate(files.paths[1], 500);
    using damaged = new DrawThread(plan, files);
    await assert.rejects(damaged.draw({ step: 0, i: 0 }), refused);
    await Deno.remove(files.paths[1]);
    await assert.rejects(damaged.draw({ step: 1, i: 0 }), refused);
    using whole = new DrawThread({ ...plan, groups: [[0]] }, files);
    assert.equal((await whole.draw({ step: 0, i: 0 })).views.length, 1);
  }));

Deno.test("DrawThread ends when it is disposed: waiting crops and later ones fail", () =>
  inFolder(async (folder) => {
    const thread = new DrawThread(planOf(), await written(folder, casesOf(2)));
    const waiting = assert.rejects(thread.draw({ step: 0, i: 0 }), /^Error: Cannot draw a crop: the training is over$/);
    thread[Symbol.dispose]();
    await waiting;
    await assert.rejects(thread.draw({ step: 1, i: 0 }), /the training is over/);
  }));

Deno.test("DrawThread reports a thread that fails", () =>
  inFolder(async (folder) => {
    const program = `data:application/javascript,onmessage = () => { throw new Error("broken") }`;
    using thread = new DrawThread(planOf(), await written(folder, casesOf(2)), program);
    await assert.rejects(thread.draw({ step: 0, i: 0 }), /Cannot draw a crop: the drawing thread failed: .*broken/);
    await assert.rejects(thread.draw({ step: 0, i: 1 }), /the drawing thread failed/);
  }));
