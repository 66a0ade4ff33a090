import assert from "node:assert/strict";
import { makeFolds } from "./folds.ts";
import type { Recipe } from "../recipe/finetuning.ts";
import type { TrainingCase } from "../types.ts";

/** Cases of patients 0, 1, 2, …; `visits` names the patient of each case. */
const casesOf = (visits: readonly number[]): TrainingCase[] =>
  visits.map((p, i) => ({ id: `case ${i}`, patient: `patient ${p}`, images: {} }));

const foldsOf = (visits: readonly number[], validation: Recipe["validation"] = "auto", seed = 0) =>
  makeFolds(casesOf(visits), { validation, seed });

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
