import assert from "node:assert/strict";
import { budgetName, budgetsOf, listOf, secondsOf } from "./options.ts";
import { optionsOf } from "./testing/fixtures.ts";

const ON = { provider: "cpu", threads: 2 } as const;

Deno.test("secondsOf() reads seconds, minutes and hours, and refuses other words", () => {
  assert.deepEqual(["90s", "5m", "1.5h"].map(secondsOf), [90, 300, 5400]);
  for (const word of ["5", "m", "0s", "-1m", "5 m", ""]) {
    assert.throws(() => secondsOf(word), { name: "SyntaxError", message: /expected a time such as 90s, 5m or 1h/ });
  }
});

Deno.test("listOf() parts at commas outside brackets", () => {
  assert.deepEqual(listOf('a, b+roi=[32,32,32],c+validation={"folds":3},'), [
    "a",
    "b+roi=[32,32,32]",
    'c+validation={"folds":3}',
  ]);
  assert.deepEqual(listOf(""), []);
});

Deno.test("budgetsOf() has the shares of a curve, budgetName() their names", () => {
  const budget = { seconds: 320, on: ON };
  assert.deepEqual(budgetsOf(optionsOf({ budget })), [budget]);
  assert.deepEqual(
    budgetsOf(optionsOf({ budget, curve: true })).map(budgetName),
    ["20s", "40s", "80s", "160s", "320s"],
  );
  assert.deepEqual(
    budgetsOf(optionsOf({ budget: { updates: 8 }, curve: true })).map(budgetName),
    ["1u", "1u", "2u", "4u", "8u"],
  );
  assert.equal(budgetName({ seconds: 300, on: ON }), "5m");
});
