import assert from "node:assert/strict";
import { answerLines } from "./classify.ts";

Deno.test("answerLines() prints probabilities in a column, and says where they need not add up to 1", () => {
  const classes = [{ label: "HGG", probability: 0.91234 }, { label: "glioma", probability: 0.5 }];
  const lines = ["HGG     0.9123", "glioma  0.5000"];
  assert.deepEqual(answerLines({ classes }), lines);
  assert.deepEqual(answerLines({ classes, kind: "exclusive" }), lines);
  assert.deepEqual(answerLines({ classes, kind: "independent" }), [
    ...lines,
    "Each class may hold beside others: the probabilities need not add up to 1.",
  ]);
});

Deno.test("answerLines() prints values with their units", () => {
  const values = [{ label: "age", value: 63.4567891, unit: "years" }, { label: "score", value: -0.25, unit: null }];
  assert.deepEqual(answerLines({ classes: [], values, kind: "values" }), ["age    63.4568 years", "score  -0.25"]);
});
