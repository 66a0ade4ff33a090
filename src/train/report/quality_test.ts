import assert from "node:assert/strict";
import { SPEC } from "../../inference/testing/packages.ts";
import { Random } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { measuredQuality } from "./quality.ts";
import type { CaseScore } from "./scores.ts";

const SIZE: Triple = [12, 12, 12];
const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** A prepared case of two noisy channels. */
function prepared(seed: number) {
  const random = new Random(seed), voxels = 12 ** 3;
  const channel = () => Float32Array.from({ length: voxels }, () => random.uniform());
  return {
    sizeVox: SIZE,
    channels: [channel(), channel()],
    inside: new Uint8Array(voxels).fill(1),
    placed: { affineRas: AFFINE, labelGrid: { sizeVox: SIZE, affineRas: AFFINE } },
  };
}

/** A held-out case whose labels have the Dice and the score of the first argument's entries. */
const held = (i: number, own: readonly (readonly [dice: number | null, score: number | null])[]): CaseScore => ({
  case: i,
  labels: own.map(([dice, score], c) => {
    const figures = { dice, score, hd95Mm: null, volumeMl: 1.5, referenceMl: 1.5, counts: [1, 1, 1] as const };
    return { label: SPEC.labels[c].name, ...figures };
  }),
});

function measured(scores: readonly CaseScore[], patients: readonly string[]) {
  const cases = { length: patients.length, get: (i: number) => Promise.resolve(prepared(i)) };
  return measuredQuality({ spec: SPEC, cases, patients, held: scores, mirrored: [0] });
}

Deno.test("measuredQuality() knows the images of every case, and fits scores to Dice from five held-out patients on", async () => {
  const scores = Array.from({ length: 5 }, (_, i) => held(i, [[0.7 + i / 100, 0.85], [0.8, 0.9]]));
  const quality = await measured(scores, ["a", "b", "c", "d", "e"]);
  assert.equal(quality.images!.cases, 5);
  assert.deepEqual(quality.images!.facts.map(({ of }) => of), ["case", "t1", "flair", "t1 flair"]);
  assert.deepEqual([quality.fit!.patients, quality.mirrored], [5, [0]]);
  assert.ok(quality.fit!.intercept < 0, JSON.stringify(quality.fit)); // scores were higher than the Dice
  // two scans of a patient are one patient
  assert.equal((await measured(scores, ["a", "b", "c", "d", "d"])).fit, undefined);
});

Deno.test("measuredQuality() passes over labels that are not there, were not learnt or not found", async () => {
  const known = Array.from({ length: 4 }, (_, i) => held(i, [[0.8, 0.9], [0.8, 0.9]]));
  const names = ["a", "b", "c", "d", "e"];
  const fitted = async (last: CaseScore) => (await measured([...known, last], names)).fit;
  assert.equal(await fitted(held(4, [[null, 0.9], [null, null]])), undefined);
  assert.equal(await fitted(held(4, [[0.5, null], [null, 0.3]])), undefined);
  const { labels: [first, second] } = held(4, [[0.8, 0.9], [0, 0.2]]) as Required<CaseScore>;
  const unlearnt = await fitted({ case: 4, labels: [first, { ...second, unlearnt: true }] });
  assert.deepEqual(unlearnt, await fitted(held(4, [[0.8, 0.9], [null, 0.2]])));
});
