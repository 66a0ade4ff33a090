import assert from "node:assert/strict";
import { type Triple, voxelsOf } from "../../volume/mod.ts";
import { factsOf, hashOfValues } from "./facts.ts";

const header = (affineRas: readonly number[], sizeVox: Triple) => ({
  sizeVox,
  affineRas,
  spacingMm: [2, 2, 2] as const,
  datatype: { name: "float32", bytes: 4 },
  littleEndian: true,
  slope: 1,
  intercept: 0,
  dataOffset: 352,
  positioned: false,
  doubts: [{ code: "odd", detail: "it is odd" }],
});

Deno.test("factsOf() gives range, foreground in mm and mL, and what the header left in doubt", () => {
  const sizeVox = [4, 5, 6] as const;
  // first axis leftwards, 2 mm
  const affineRas = [-2, 0, 0, 10, 0, 2, 0, -3, 0, 0, 2, 0, 0, 0, 0, 1];
  const data = Float32Array.from({ length: voxelsOf(sizeVox) }, (_, i) => i - 7);
  const volume = { sizeVox, affineRas, data, nonFiniteVoxels: 3, header: header(affineRas, sizeVox) };
  const facts = factsOf(volume, { kind: "part", voxels: 5, box: { start: [1, 1, 1], end: [3, 2, 6] } });
  assert.deepEqual(facts, {
    sizeVox,
    affineRas,
    positioned: false,
    doubts: [{ code: "odd", detail: "it is odd" }],
    range: { min: -7, max: 112 },
    nonFiniteVoxels: 3,
    foreground: {
      kind: "part",
      voxels: 5,
      volumeMl: 0.04,
      extentMm: [4, 2, 10],
      box: { lowMm: [5, -2, 1], highMm: [9, 0, 11] },
    },
    valuesHash: hashOfValues(data),
  });
  assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
});

Deno.test("hashOfValues() knows an image again after another order of its axes and a margin of zeros", () => {
  const image = Float32Array.of(3, 1, 4, 1, 5, 9, -2.5, 6);
  const hash = hashOfValues(image);
  assert.equal(hashOfValues(image.toReversed()), hash);
  assert.equal(hashOfValues(Float32Array.of(0, -0, ...image, 0)), hash);
  for (let i = 0; i < image.length; i++) {
    const other = image.slice();
    other[i] += 0.001;
    assert.notEqual(hashOfValues(other), hash);
  }
  // a value more or less often
  assert.notEqual(hashOfValues(Float32Array.of(...image, 1)), hash);
  // two changes that keep the sum
  assert.notEqual(hashOfValues(Float32Array.of(2, 2, 4, 1, 5, 9, -2.5, 6)), hash);
});
