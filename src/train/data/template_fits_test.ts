import assert from "node:assert/strict";
import type { TemplatePlacement } from "../../inference/mod.ts";
import { templateFits, templateNotes, withoutUnfit } from "./template_fits.ts";

const placement = (changes: Partial<TemplatePlacement>): TemplatePlacement => ({
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  similarity: { t1: 0.7, t2: 0.5 },
  overlap: 0.9,
  fits: true,
  ...changes,
});
const unfit = placement({ similarity: { t1: -0.3, t2: 0.1 }, overlap: 0.052, fits: false });

Deno.test("templateNotes() has nothing to say where templates fit, or nothing was measured", () => {
  assert.deepEqual(templateNotes([placement({}), placement({})]), []);
  assert.deepEqual(templateNotes([null, null]), []);
});

Deno.test("templateNotes() names cases with their figures, and counts those beyond five", () => {
  assert.deepEqual(templateNotes([placement({}), unfit]), [
    "Templates are off for 1 of 2 cases, because they do not fit (expected a similarity of at least 0.25 and an overlap " +
    "of at least 35 %): case 2: similarity -0.10, overlap 5 %",
  ]);
  assert.match(templateNotes(Array(8).fill(unfit))[0], /^Templates are off for 8 of 8 .*case 5: [^;]*; and 3 more$/);
});

Deno.test("withoutUnfit() turns templates off where they fit no case, and only there", () => {
  const recipe = { templates: true, steps: 3 };
  assert.deepEqual(withoutUnfit(recipe, [unfit, unfit]), { templates: false, steps: 3 });
  for (const placements of [[unfit, placement({})], [null, null], []]) {
    assert.equal(withoutUnfit(recipe, placements), recipe);
  }
});

Deno.test("templateFits() holds the figures of every case that was measured", () => {
  const cases = [{ id: "a" }, { id: "b" }, { id: "c" }];
  assert.deepEqual(templateFits([placement({}), null, unfit], cases), [
    { case: "a", fits: true, similarity: { t1: 0.7, t2: 0.5 }, overlap: 0.9 },
    { case: "c", fits: false, similarity: { t1: -0.3, t2: 0.1 }, overlap: 0.052 },
  ]);
});
