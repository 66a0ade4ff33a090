import assert from "node:assert/strict";
import { makeFolds } from "./folds.ts";
import { halfOf, usefulHalves } from "./half_folds.ts";

const casesOf = (patients: number, each = 1) =>
  Array.from({ length: patients * each }, (_, i) => ({ patient: `p${Math.floor(i / each)}` }));
const foldsOf = (cases: ReturnType<typeof casesOf>, folds: number) =>
  makeFolds(cases, { validation: { folds }, seed: 0, traits: cases.map(() => new Set<string>()) });

Deno.test("usefulHalves() counts the twins that it takes to hold out four patients, none of too few", () => {
  const of = (patients: number, folds: number, each = 1) => {
    const cases = casesOf(patients, each);
    return usefulHalves(foldsOf(cases, folds), cases);
  };
  assert.deepEqual([of(20, 5), of(8, 4), of(12, 5), of(7, 4), of(3, 3)], [1, 2, 2, 2, 0]);
  assert.equal(of(5, 4), 0, "at most two twins, which hold out three patients");
  assert.equal(of(6, 3, 2), 2, "patients count, not cases");
});

Deno.test("halfOf() keeps what a fold holds out, and half of the patients to train on with all of their cases", () => {
  const cases = casesOf(9, 2), [fold] = foldsOf(cases, 3);
  const half = halfOf(fold, { cases, seed: 1 });
  assert.deepEqual([half.held, half.trainPatients, half.train.length], [fold.held, 3, 6]);
  assert.ok(half.train.every((i) => fold.train.includes(i)));
  assert.equal(new Set(half.train.map((i) => cases[i].patient)).size, 3);
  assert.deepEqual(halfOf(fold, { cases, seed: 1 }), half);
  const seeds = Array.from({ length: 8 }, (_, seed) => halfOf(fold, { cases, seed }).train.join());
  assert.ok(new Set(seeds).size > 1, "seeds draw other halves");
});
