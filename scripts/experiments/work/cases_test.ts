import assert from "node:assert/strict";
import { labelledOf, splitBy } from "./cases.ts";

const CASES = Array.from({ length: 30 }, (_, i) => ({ id: i }));
const isTest = ({ id }: { id: number }) => id % 5 === 1;
const ids = (cases: readonly { id: number }[]) => cases.map((c) => c.id);

Deno.test("splitBy() keeps the test part out of every fold, and folds out of their own training", () => {
  const whole = splitBy(CASES, { isTest, part: "test" });
  assert.deepEqual(ids(whole.test), [1, 6, 11, 16, 21, 26]);
  assert.equal(whole.train.length, 24);
  const held = [0, 1, 2, 3, 4].map((fold) => splitBy(CASES, { isTest, part: { fold } }));
  for (const { train, test } of held) {
    assert.ok(![...train, ...test].some(isTest));
    assert.deepEqual([...ids(train), ...ids(test)].sort((a, b) => a - b), ids(whole.train));
  }
  assert.deepEqual(held.flatMap((s) => ids(s.test)).sort((a, b) => a - b), ids(whole.train));
});

Deno.test("labelledOf() takes fewer as a part of more, by the seed, and refuses more than there are", () => {
  const [few, more, other] = [[4, 0], [8, 0], [8, 1]].map(([count, seed]) => ids(labelledOf(CASES, { count, seed })));
  assert.deepEqual(more.slice(0, 4), few);
  assert.equal(new Set(more).size, 8);
  assert.notDeepEqual(more, other);
  assert.deepEqual(labelledOf(CASES, { count: null, seed: 0 }), CASES);
  assert.throws(() => labelledOf(CASES, { count: 31, seed: 0 }), {
    name: "RangeError",
    message: "expected at most 30 labelled patients in this part, got 31",
  });
});
