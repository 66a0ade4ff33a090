import assert from "node:assert/strict";
import { cropError, hardPlaces, hardRule } from "./hard_crops.ts";

const RULE = { everySteps: 50, checkpointEverySteps: 5, share: 0.3 };
/** The numbers of a look whose crop `k` has the case and the place k, and an error. */
const look = (errorOf: (k: number) => number) =>
  Array.from({ length: 32 }, (_, k) => [k, k, k + 1, k + 2, errorOf(k)]).flat();

Deno.test("hardRule() looks so rarely that it takes at most 4 % of the time, and never in short trainings", () => {
  const of = (steps: number, passes: number) => hardRule({ steps, passes, checkpointEverySteps: 25, share: 0.3 });
  assert.deepEqual(of(2000, 1), { everySteps: 275, checkpointEverySteps: 25, share: 0.3 });
  assert.equal(of(550, 1), null);
  for (const passes of [1, 2, 8]) assert.ok(32 / 3 / (of(10_000, passes)!.everySteps * passes) <= 0.04);
});

Deno.test("hardPlaces() takes the third of the crops with the largest errors, of the last four looks", () => {
  const [first] = hardPlaces(look((k) => k), RULE);
  assert.deepEqual([first.from, first.share, first.places.length], [55, 0.3, 11]);
  assert.deepEqual(first.places[0], { case: 31, start: [31, 32, 33] });
  assert.ok(first.places.every(({ case: number }) => number >= 21));
  const all = hardPlaces(Array.from({ length: 6 }, (_, n) => look((k) => n === 5 ? -k : k)).flat(), RULE);
  assert.deepEqual(all.map(({ places }) => places.length), [11, 22, 33, 44, 44, 44]);
  assert.deepEqual(all.map(({ from }) => from), [55, 105, 155, 205, 255, 305]);
  assert.deepEqual(all[5].places.at(-11)!.case, 0, "the last look's own errors");
  assert.deepEqual(hardPlaces([], RULE), []);
});

Deno.test("cropError() is large where labels are missed, and small where a few voxels are false beside none", () => {
  const of = (both: number, own: number, other: number) => cropError([{ both, own, other }], 32 ** 3);
  assert.ok(of(0, 0, 500) > 0.9 && of(450, 500, 500) < 0.15 && of(0, 2, 0) < 0.1 && of(0, 500, 0) > 0.9);
  assert.equal(of(0, 0, 0), 0);
});
