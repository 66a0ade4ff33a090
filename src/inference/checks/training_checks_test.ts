import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import type { ImageFacts } from "../quality/image_facts.ts";
import { trainingImages } from "../quality/unlike.ts";
import { trainingDoubts } from "./training_checks.ts";

/** The facts of an ordinary case, some of them replaced. */
function factsOf(seed: number, changes: Readonly<Record<string, number>> = {}): ImageFacts[] {
  const random = new Random(`case ${seed}`);
  const usual = {
    echo: 0.04,
    bright: 1.6,
    q5: 0,
    q25: 0.3,
    q50: 0.5,
    q75: 0.8,
    q95: 1,
    noise: -3.5,
    "sharpness x": -0.7,
    "edges z": -3,
  };
  const drawn = Object.entries(usual).map(([name, v]) => [name, changes[name] ?? v + 0.03 * random.normal()]);
  const volume = changes.volume ?? 6 + 0.1 * random.normal();
  const correlation = changes.correlation ?? 0.5 + 0.02 * random.normal();
  return [
    { of: "case", values: { volume } },
    { of: "t1", values: Object.fromEntries(drawn) },
    { of: "t1 flair", values: { correlation } },
  ];
}
const codes = (changes: Readonly<Record<string, number>>, training = 12) => {
  const cases = Array.from({ length: training }, (_, i) => factsOf(i));
  return trainingDoubts(factsOf(99, changes), trainingImages(cases)).map(({ code }) => code);
};

Deno.test("trainingDoubts() has no doubt about ordinary cases, after a training of two as of many", () => {
  for (const training of [1, 2, 5, 50]) {
    const known = trainingImages(Array.from({ length: training }, (_, i) => factsOf(i)));
    const doubted = Array.from({ length: 200 }, (_, i) => factsOf(100 + i)).filter((f) =>
      trainingDoubts(f, known).length > 0
    );
    assert.ok(doubted.length <= 1, `${doubted.length} of 200 after ${training}`);
  }
});

Deno.test("trainingDoubts() names what is unlike the training, by its kind", () => {
  assert.deepEqual(codes({ q25: 0.75, q50: 0.9 }), ["contrast-unlike-training"]);
  assert.deepEqual(codes({ "sharpness x": -1.6 }), ["sharpness-unlike-training"]);
  assert.deepEqual(codes({ noise: 0 }), ["noise-unlike-training"]);
  assert.deepEqual(codes({ volume: 4.5 }), ["view-unlike-training"]);
  assert.deepEqual(codes({ correlation: 1 }, 30), ["modalities-unlike-training"]);
  assert.deepEqual(codes({ noise: 0, volume: 3 }), ["noise-unlike-training", "view-unlike-training"]);
  assert.deepEqual(codes({ echo: 0.5 }), ["ghosts-unlike-training"]);
  assert.deepEqual(codes({ bright: 6 }), ["pathology-unlike-training"]);
  assert.deepEqual(codes({ bright: 0, echo: 0 }), [], "nothing stands out");
});

Deno.test("trainingDoubts() tells neither ghosts of a blurred image nor pathology where other parts of the head are shown", () => {
  assert.deepEqual(codes({ echo: 0.5, "sharpness x": -1.6 }), ["sharpness-unlike-training"]);
  assert.deepEqual(codes({ bright: 6, volume: 8 }), ["view-unlike-training"]);
});

Deno.test("trainingDoubts() gives figures in the unit of the fact, and says what was done and what to check", () => {
  const known = trainingImages(Array.from({ length: 12 }, (_, i) => factsOf(i)));
  const [{ detail }] = trainingDoubts(factsOf(99, { volume: 4 }), known);
  assert.match(
    detail,
    /^the part of the head that is shown .*: case volume is 16, in training [56]\d\.\d to [67]\d\.\d;/,
  );
  assert.match(detail, /; the mask was written; check that the field of view is not cut, .* look at the mask/);
});
