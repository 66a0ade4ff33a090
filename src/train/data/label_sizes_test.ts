import assert from "node:assert/strict";
import { sizeNotes, withTrainingMl } from "./label_sizes.ts";
import type { LabelSize } from "./labelled_case.ts";

const GRID = { spacingMm: [1, 1, 1] };

const size = (changes: Partial<LabelSize>): LabelSize => ({
  label: "lesion",
  fileMl: 1,
  gridMl: 1,
  components: 1,
  outside: 0,
  ...changes,
});

Deno.test("sizeNotes() has nothing to say where the network sees what the file has, or there is nothing", () => {
  assert.deepEqual(sizeNotes([[size({})], [size({ fileMl: 0, gridMl: 0, components: 0 })], []], GRID), []);
  assert.deepEqual(sizeNotes([[size({ gridMl: 1.09 })]], GRID), []);
});

Deno.test("sizeNotes() gives both volumes of a label that shrinks, grows or vanishes", () => {
  const cases = [
    [size({ fileMl: 0.0008, gridMl: 0.001 })],
    [size({}), size({ label: "rim", fileMl: 0.1234567, gridMl: 0.05, components: 5, outside: 3 })],
    [size({ fileMl: 0.3, gridMl: 0, components: 2, outside: 2 })],
  ];
  assert.deepEqual(sizeNotes(cases, GRID), [
    "Case 1: lesion has 0.0008 mL in the file and 0.001 mL on the network's grid of 1×1×1 mm.",
    "Case 2: rim has 0.123 mL in the file and 0.05 mL on the network's grid of 1×1×1 mm; 3 of 5 components lie outside " +
    "the images' tissue.",
    "Case 3: lesion has 0.3 mL in the file and no voxel on the network's grid of 1×1×1 mm; 2 of 2 components lie outside " +
    "the images' tissue.",
  ]);
});

Deno.test("sizeNotes() counts what would fill pages", () => {
  const notes = sizeNotes(Array.from({ length: 250 }, () => [size({ gridMl: 0.5 })]), GRID);
  assert.equal(notes.length, 21);
  assert.equal(notes[20], "The same is true of 230 more labels of cases.");
});

Deno.test("withTrainingMl() takes the range over cases that have the label, in their files, and over the base's", () => {
  const label = { name: "lesion", value: 1, colour: "#000000" };
  const rim = { name: "rim", value: 2, colour: "#000000" };
  const sizes = [1.3, 0, 49.8].map((fileMl) => [size({ fileMl, gridMl: 7 }), size({ label: "rim", fileMl: 0 })]);
  const of = (base: Parameters<typeof withTrainingMl>[1]["base"]) => withTrainingMl([label, rim], { sizes, base });
  assert.deepEqual(of([]), [{ ...label, trainingMl: { min: 1.3, max: 49.8 } }, rim]);
  const before = { ...label, value: 9, trainingMl: { min: 0.2, max: 20 } };
  assert.deepEqual(of([before])[0], { ...label, trainingMl: { min: 0.2, max: 49.8 } });
});
