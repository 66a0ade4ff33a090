import assert from "node:assert/strict";
import { decide, openVariants, type Piloted, pilotUpdates } from "./pilots.ts";

const names = (...args: Parameters<typeof openVariants>) => openVariants(...args).map(({ name }) => name);

Deno.test("openVariants() are those that the recipe and the rules leave open, the base without templates first", () => {
  const open = { base: undefined, templates: undefined }, all = { mayScratch: true, rulesWantTemplates: true };
  assert.deepEqual(names(open, all), ["pre-trained", "pre-trained with templates", "scratch"]);
  assert.deepEqual(names(open, { ...all, rulesWantTemplates: false }), ["pre-trained", "scratch"]);
  assert.deepEqual(names({ base: "auto", templates: false }, all), ["pre-trained", "scratch"]);
  assert.deepEqual(names({ base: "auto", templates: true }, all), ["pre-trained with templates", "scratch"]);
  assert.deepEqual(names(open, { mayScratch: false, rulesWantTemplates: false }), ["pre-trained"]);
  for (const base of ["use", "scratch"]) assert.deepEqual(names({ base, templates: "auto" }, all), []);
});

Deno.test("pilotUpdates() gives each variant its part of 15 % of the time, or none where that is too little", () => {
  const fold = { train: [0, 1], held: [2, 3] };
  const of = (seconds: number) => pilotUpdates({ update: 0.1, start: 3, score: 1 }, { seconds, variants: 2, fold });
  assert.equal(of(600), Math.floor((45 - 3 - 2) / 0.1));
  assert.equal(of(300), null);
});

/** A pilot with a Dice on held-out patients and a loss. */
function pilot(name: Piloted["name"], dice: number, loss: number): Piloted {
  const label = {
    label: "lesion",
    dice,
    hd95Mm: null,
    volumeMl: 1,
    referenceMl: 1,
    counts: [dice * 50, 50, 50] as const,
  };
  const result = {
    name,
    losses: Array(20).fill(loss),
    norms: [],
    scores: [{ case: 0, labels: [label] }],
    weights: new Map(),
  };
  const variant = { base: name === "scratch" ? "scratch" : "use", templates: name.endsWith("templates") } as const;
  return { name, ...variant, network: null!, result: { ...result, learningRate: 1e-3, found: null } };
}

Deno.test("decide() takes what is better on held-out patients by a point, the first of equals, and shows all figures", () => {
  const chosen = (...piloted: Piloted[]) => decide(piloted, []).chosen.name;
  assert.equal(chosen(pilot("pre-trained", 0.5, 1), pilot("scratch", 0.6, 1)), "scratch");
  assert.equal(chosen(pilot("pre-trained", 0.5, 1), pilot("scratch", 0.505, 0.1)), "pre-trained");
  assert.equal(
    chosen(pilot("pre-trained", 0.5, 1), pilot("pre-trained with templates", 0.55, 1), pilot("scratch", 0.53, 1)),
    "pre-trained with templates",
  );
  const early = decide([pilot("pre-trained", 0, 1), pilot("scratch", 0.01, 0.5)], []);
  assert.equal(early.chosen.name, "scratch");
  assert.match(
    early.reasons[0],
    /pre-trained 0\.000 after 20 updates \(loss 1\.000\), scratch 0\.010 .*losses in training decide: scratch\.$/,
  );
});
