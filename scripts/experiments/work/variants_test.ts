import assert from "node:assert/strict";
import { plansItself, recipeOf, type Variant, VARIANT_NAMES, variantOf } from "./variants.ts";

const ours = (word: string) => variantOf(word) as Extract<Variant, { kind: "ours" }>;

Deno.test("variantOf() reads a name and settings of the recipe", () => {
  assert.deepEqual(ours("pretrained+templates+learningRate=1e-3+percentilesOver=volume"), {
    kind: "ours",
    name: "pretrained+templates+learningRate=1e-3+percentilesOver=volume",
    start: "package",
    settings: {
      preset: "edge",
      templates: true,
      validation: "none",
      learningRate: 1e-3,
      percentilesOver: "volume",
    },
  });
  assert.deepEqual(variantOf("peer-dynunet"), { kind: "peer", name: "peer-dynunet", peer: "dynunet" });
  assert.equal(ours("scratch").start, "fresh");
});

Deno.test("variantOf() refuses names and settings that do not exist", () => {
  assert.throws(() => variantOf("fast"), {
    name: "SyntaxError",
    message: `expected a variant of ${VARIANT_NAMES.join(", ")}, got fast`,
  });
  assert.throws(() => variantOf("peer-dynunet+steps=3"), { name: "SyntaxError" });
  assert.throws(() => variantOf("toString"), { name: "SyntaxError" });
  assert.throws(() => variantOf("scratch+nonsense=3"), { name: "TrainingError", message: /recipe\.nonsense/ });
  assert.throws(() => variantOf("scratch+steps=many"), { name: "TrainingError", message: /recipe\.steps/ });
});

Deno.test("recipeOf() adds the seed and what a budget becomes; other presets do not plan by themselves", () => {
  assert.deepEqual(recipeOf(ours("scratch"), { seed: 3, steps: 7 }), {
    preset: "edge",
    templates: false,
    validation: "none",
    seed: 3,
    steps: 7,
  });
  assert.deepEqual(["auto", "auto+base=scratch", "auto+steps=9", "edge"].map((v) => plansItself(ours(v))), [
    true,
    true,
    false,
    false,
  ]);
  assert.equal(recipeOf(ours("auto"), { seed: 0, budgetMinutes: 0.5 }).budgetMinutes, 0.5);
});
