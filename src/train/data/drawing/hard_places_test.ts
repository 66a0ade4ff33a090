/** Crops near places in which a network errs, and crops to find them by. */
import assert from "node:assert/strict";
import { recipeOf, volumesOf } from "../testing/draws.ts";
import { drawCrop, type DrawPlan } from "./draw_plan.ts";

const ROI = [4, 4, 4] as const, SIZE = [20, 18, 16] as const;
const CASES = [volumesOf(SIZE), volumesOf(SIZE)];
const PLAN: DrawPlan = {
  recipe: recipeOf({ roi: ROI, lesionShare: 0, templates: false, flips: "axes" }),
  seed: 3,
  name: "final",
  groups: [[0, 1]],
};
const draw = (plan: DrawPlan, step: number, isLook = false) =>
  drawCrop(plan, { step, i: 0, isLook }, (i) => Promise.resolve(CASES[i]));
/** The least index in the first view is that of the crop's first voxel. */
const startOf = (view: Float32Array) => {
  const at = Math.min(...view) - 1000;
  return [Math.floor(at / (18 * 16)), Math.floor(at / 16) % 18, at % 16];
};

Deno.test("drawCrop() draws a share of the crops near hard places from their update on, and all others as ever", async () => {
  const places = [{ case: 1, start: [8, 7, 6] }] as const;
  const plan = { ...PLAN, hard: [{ from: 100, share: 0.5, places }, { from: 300, share: 0.5, places: [] }] };
  let near = 0;
  for (let step = 0; step < 400; step++) {
    const own = await draw(PLAN, step), crop = await draw(plan, step);
    if (own.views[0].every((v, k) => v === crop.views[0][k])) continue;
    near++;
    const start = startOf(crop.views[0]);
    assert.ok(start.every((at, a) => Math.abs(at - places[0].start[a]) <= 1), `${start}`);
    assert.ok(step >= 100 && step < 300, `update ${step}`);
  }
  assert.ok(near > 70 && near < 130, `${near} of 200`);
});

Deno.test("drawCrop() shows an unchanged crop with its place where it is asked for to be looked at", async () => {
  for (let step = 0; step < 20; step++) {
    const { views, place } = await draw({ ...PLAN, recipe: { ...PLAN.recipe, templates: true } }, step, true);
    assert.deepEqual([views.length, startOf(views[0])], [1, [...place!.start]]);
    assert.ok(views[0][0] === Math.min(...views[0]), "no mirrors");
  }
  assert.equal("place" in await draw(PLAN, 0), false);
});
