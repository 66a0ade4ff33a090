import assert from "node:assert/strict";
import { leftOutSplits } from "./left_out.ts";

const CASES = ["a", "b", "c"].map((id) => ({ id }));
const idsOf = (cases: readonly { id: string }[]) => cases.map((c) => c.id).join("");
const splitsOf = (part: "test" | { fold: number }, scored = ["a", "b", "c"]) =>
  leftOutSplits(CASES, { scored, part }).map(({ at, splits }) => [
    at,
    ...splits.map(({ train, test }) => `${idsOf(train)}>${idsOf(test)}`),
  ]);

Deno.test("leftOutSplits() leaves each patient out once for the final scores, in one row", () => {
  assert.deepEqual(splitsOf("test"), [["", "bc>a", "ac>b", "ab>c"]]);
  assert.deepEqual(splitsOf("test", ["c"]), [["", "ab>c"]]);
});

Deno.test("leftOutSplits() does not read a held-out patient in its folds", () => {
  assert.deepEqual(splitsOf({ fold: 0 }), [["a", "c>b"], ["b", "c>a"], ["c", "b>a"]]);
  assert.deepEqual(splitsOf({ fold: 1 }), [["a", "b>c"], ["b", "a>c"], ["c", "a>b"]]);
  assert.deepEqual(splitsOf({ fold: 0 }, ["c"]), [["", "b>a"]]);
});
