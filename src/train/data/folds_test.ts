import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import { makeFolds } from "./folds.ts";
import type { Recipe } from "../recipe/finetuning.ts";
import type { TrainingCase } from "../types.ts";

/** Cases of patients 0, 1, 2, …; `visits` names the patient of each case. */
const casesOf = (visits: readonly number[]): TrainingCase[] =>
  visits.map((p, i) => ({ id: `case ${i}`, patient: `patient ${p}`, images: {} }));

const foldsOf = (visits: readonly number[], validation: Recipe["validation"] = "auto", seed = 0) =>
  makeFolds(casesOf(visits), { validation, seed, traits: visits.map(() => new Set<string>()) });

const patients = (n: number) => Array.from({ length: n }, (_, i) => i);

Deno.test("makeFolds() leaves out one patient at a time for 2 to 10 patients and makes five folds above", () => {
  for (const [n, folds] of [[1, 0], [2, 2], [3, 3], [10, 10], [11, 5], [23, 5]]) {
    assert.equal(foldsOf(patients(n)).length, folds, `${n} patients`);
  }
});

Deno.test("makeFolds() holds every case out once and never parts a patient", () => {
  const visits = [0, 1, 2, 1, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3, 3];
  for (const validation of ["auto", { folds: 3 }, { folds: 100 }] as const) {
    const folds = foldsOf(visits, validation);
    const held = folds.flatMap((f) => f.held);
    assert.deepEqual(held.toSorted((a, b) => a - b), visits.map((_, i) => i));
    for (const fold of folds) {
      const inside = new Set(fold.held.map((i) => visits[i]));
      assert.ok(fold.train.every((i) => !inside.has(visits[i])), "a patient on both sides");
      assert.deepEqual([...fold.train, ...fold.held].toSorted((a, b) => a - b), visits.map((_, i) => i));
    }
  }
});

Deno.test("makeFolds() makes as many folds as asked, at most one a patient", () => {
  assert.equal(foldsOf(patients(6), { folds: 2 }).length, 2);
  assert.equal(foldsOf([0, 0, 1, 1, 2], { folds: 5 }).length, 3);
  assert.deepEqual(foldsOf(patients(6), { folds: 2 }).map((f) => f.held.length), [3, 3]);
});

Deno.test("makeFolds() makes none for one patient with many cases, and none on request", () => {
  assert.deepEqual(foldsOf([4, 4, 4]), []);
  assert.deepEqual(foldsOf(patients(5), "none"), []);
});

Deno.test("makeFolds() draws folds from the seed and keeps leave-one-out in order", () => {
  const held = (seed: number) => foldsOf(patients(20), "auto", seed).map((f) => f.held);
  assert.deepEqual(held(1), held(1));
  assert.notDeepEqual(held(1), held(2));
  assert.deepEqual(foldsOf(patients(3), "auto", 5).map((f) => f.held), [[0], [1], [2]]);
});

/** Patients with one to three cases each, and classes or labels of given shares. */
function drawn(
  seed: number,
  { count, shares, exclusive }: { count: number; shares: readonly number[]; exclusive: boolean },
) {
  const random = new Random(seed);
  const visits: number[] = [], traits: Set<string>[] = [];
  for (let p = 0; p < count; p++) {
    const u = random.uniform();
    const own = exclusive
      ? [`trait ${shares.findIndex((_, k) => u < shares.slice(0, k + 1).reduce((a, b) => a + b))}`]
      : shares.flatMap((share, k) => random.uniform() < share ? [`trait ${k}`] : []);
    for (let v = 0; v <= random.integer(3); v++) {
      visits.push(p);
      traits.push(new Set(own));
    }
  }
  return { visits, traits };
}

Deno.test("makeFolds() gives every fold of classes as many patients of each as another, or one more", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { visits, traits } = drawn(seed, { count: 11 + seed, shares: [0.6, 0.25, 0.1, 0.05], exclusive: true });
    const folds = makeFolds(casesOf(visits), { validation: { folds: 2 + seed % 6 }, seed, traits });
    const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts);
    const patientsIn = (held: readonly number[], has: (i: number) => boolean) =>
      new Set(held.filter(has).map((i) => visits[i])).size;
    assert.ok(spread(folds.map(({ held }) => patientsIn(held, () => true))) <= 1, `seed ${seed}: sizes`);
    for (const trait of new Set(traits.flatMap((t) => [...t]))) {
      const counts = folds.map(({ held }) => patientsIn(held, (i) => traits[i].has(trait)));
      assert.ok(spread(counts) <= 1, `seed ${seed}, ${trait}: ${counts}`);
    }
  }
});

Deno.test("makeFolds() holds a label out in every fold, and trains every fold with it, where enough patients have it", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { visits, traits } = drawn(seed, { count: 30, shares: [0.9, 0.4, 0.25], exclusive: false });
    const folds = makeFolds(casesOf(visits), { validation: "auto", seed, traits });
    assert.deepEqual(folds, makeFolds(casesOf(visits), { validation: "auto", seed, traits }), "the same again");
    for (const trait of ["trait 0", "trait 1", "trait 2"]) {
      const owners = new Set(visits.filter((_, i) => traits[i].has(trait))).size;
      const heldOut = folds.filter(({ held }) => held.some((i) => traits[i].has(trait))).length;
      assert.equal(heldOut, Math.min(owners, 5), `seed ${seed}, ${trait} of ${owners} patients`);
      if (owners > 1) assert.ok(folds.every(({ train }) => train.some((i) => traits[i].has(trait))), `seed ${seed}`);
    }
    for (const { train, held } of folds) {
      const inside = new Set(held.map((i) => visits[i]));
      assert.ok(train.every((i) => !inside.has(visits[i])), "a patient on both sides");
    }
  }
});

Deno.test("makeFolds() spreads patients without any label as well", () => {
  const empty = (i: number) => i < 6;
  const traits = patients(18).map((i) => new Set(empty(i) ? [] : ["lesion"]));
  for (let seed = 0; seed < 20; seed++) {
    const folds = makeFolds(casesOf(patients(18)), { validation: { folds: 3 }, seed, traits });
    assert.deepEqual(folds.map(({ held }) => held.filter(empty).length), [2, 2, 2], `seed ${seed}`);
  }
});
