import assert from "node:assert/strict";
import { resolveExclusive, sharedValue } from "./exclusive.ts";

const label = (name: string, value: number, sourceValues?: number[]) => ({ name, value, sourceValues });
const APART = [label("anterior", 1), label("posterior", 2)];
const NESTED = [label("whole", 1, [1, 2, 4]), label("core", 2, [1, 4])];

Deno.test("sharedValue() finds the value that two labels have in common", () => {
  assert.equal(sharedValue(APART), null);
  assert.equal(sharedValue([label("a", 1, [1, 3]), label("b", 2, [2, 4])]), null);
  assert.deepEqual(sharedValue(NESTED), { names: ["whole", "core"], value: 1 });
  assert.deepEqual(sharedValue([label("a", 1), label("b", 2, [2, 1])]), { names: ["a", "b"], value: 1 });
});

Deno.test("resolveExclusive() by itself is for two labels or more that share no value, or as a kept head has it", () => {
  const task = "segmentation";
  assert.equal(resolveExclusive("auto", { task, labels: APART }), true);
  assert.equal(resolveExclusive("auto", { task, labels: NESTED }), false);
  assert.equal(resolveExclusive("auto", { task, labels: APART.slice(0, 1) }), false);
  assert.equal(resolveExclusive("auto", { task }), false);
  assert.equal(resolveExclusive("auto", { task: "classification", labels: [] }), false);
  assert.equal(resolveExclusive("auto", { task, labels: APART, kept: false }), false);
  assert.equal(resolveExclusive("auto", { task, labels: APART, kept: true }), true);
  assert.equal(resolveExclusive(true, { task, labels: APART.slice(0, 1) }), true);
  assert.equal(resolveExclusive(false, { task, labels: APART }), false);
});

Deno.test("resolveExclusive() refuses what labels or a kept head contradict", () => {
  const refused = (wished: boolean, context: Parameters<typeof resolveExclusive>[1], expected: string) =>
    assert.throws(() => resolveExclusive(wished, context), {
      code: "invalid-recipe",
      message: `Cannot fine-tune: expected recipe.exclusive to be ${expected}, got ${wished}`,
    });
  const task = "segmentation";
  refused(true, { task, labels: NESTED }, "false, because whole and core share the value 1");
  refused(true, { task, labels: APART, kept: false }, "false, as the head that is kept has it");
  refused(false, { task, labels: APART, kept: true }, "true, as the head that is kept has it");
  refused(true, { task: "classification" }, "false, because classes are no labels");
});
