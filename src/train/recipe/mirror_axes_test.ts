import assert from "node:assert/strict";
import type { Label } from "../../inference/mod.ts";
import { STRONG_AUGMENTATION } from "./augmentation.ts";
import { mirrorAxes, mirroredAxes, mirrorWarnings } from "./mirror_axes.ts";

const named = (...names: string[]): Label[] => names.map((name, i) => ({ name, value: i + 1, colour: "#000000" }));
const numbered = (...values: (number | number[])[]): Label[] =>
  values.map((v, i) => ({ name: `structure${i}`, value: i + 1, sourceValues: [v].flat(), colour: "#000000" }));

const CASES: readonly { labels?: Label[]; classes?: string[]; axes: string; reason: string }[] = [
  { labels: named("lesion"), axes: "xyz", reason: "Mirrors crops along x, y and z: no label names a direction." },
  {
    labels: named("Left-Hippocampus", "Right-Hippocampus"),
    axes: "yz",
    reason:
      "Mirrors crops along y and z; not along x, because Left-Hippocampus and Right-Hippocampus name left and right.",
  },
  {
    labels: named("anterior", "posterior"),
    axes: "xz",
    reason: "Mirrors crops along x and z; not along y, because anterior and posterior name front and back.",
  },
  {
    classes: ["strokeLeft", "none"],
    axes: "yz",
    reason: "Mirrors crops along y and z; not along x, because strokeLeft names left and right.",
  },
  {
    labels: named("thalamus_L", "thalamus_R", "brightSpot", "copyright"),
    axes: "yz",
    reason: "Mirrors crops along y and z; not along x, because thalamus_L and thalamus_R name left and right.",
  },
  {
    labels: numbered(2, 41),
    axes: "yz",
    reason: "Mirrors crops along y and z; not along x, because 2 and 41 are FreeSurfer's numbers of one side.",
  },
  {
    labels: named("L", "anterior", "top"),
    axes: "",
    reason: "Mirrors no crop; not along x, because L names left and right; not along y, because anterior names front " +
      "and back; not along z, because top names up and down.",
  },
];

Deno.test("mirrorAxes() keeps the axes whose direction a label or class names, and says why", () => {
  for (const { labels = [], classes = [], axes, reason } of CASES) {
    assert.deepEqual(mirrorAxes(labels, classes), { axes: [...axes], reason });
  }
});

Deno.test("mirrorAxes() takes FreeSurfer's numbers for sides only where a label holds one side", () => {
  const xOf = (...values: (number | number[])[]) => mirrorAxes(numbered(...values), []).axes.includes("x");
  assert.equal(xOf([2, 41], [17, 53]), true, "both sides are one label");
  assert.equal(xOf(1, 2, 3), true, "labels that people count");
  assert.equal(xOf(...Array.from({ length: 13 }, (_, i) => i + 1)), true, "more labels that people count");
  assert.equal(xOf(17, 18), false, "structures of the left side alone");
  assert.equal(xOf(53), false, "a structure of the right side alone");
  assert.equal(xOf([2, 3, 41, 42], 17, 53), false, "some labels are of both sides, some are not");
});

Deno.test("mirroredAxes() are those that crops are reversed along one by one", () => {
  assert.deepEqual(mirroredAxes({ flips: "axes", augmentation: null }), [0, 1, 2]);
  assert.deepEqual(mirroredAxes({ flips: "joint", augmentation: null }), []);
  const augmentation = { ...STRONG_AUGMENTATION, mirror: ["x", "z"] as const };
  assert.deepEqual(mirroredAxes({ flips: "axes", augmentation }), [0, 2]);
  assert.deepEqual(mirroredAxes({ flips: ["y", "z"], augmentation }), [2]);
  assert.deepEqual(mirroredAxes({ flips: ["y"], augmentation: null }), [1]);
  assert.deepEqual(mirroredAxes({ flips: [], augmentation: null }), []);
});

Deno.test("mirrorWarnings() names the axes that are mirrored although labels or classes name their direction", () => {
  const sides = { labels: named("left", "right", "top"), classes: [] }, augmentation = null;
  const [{ code, detail }, ...more] = mirrorWarnings({ flips: "axes", augmentation }, sides);
  assert.deepEqual([code, more], ["sides-mirrored", []]);
  assert.match(
    detail,
    /^The recipe mirrors crops along x and z, .*\(not along x, because left and right name left and right; not along z, .*\)/,
  );
  assert.equal(mirrorWarnings({ flips: "joint", augmentation }, sides).length, 1);
  assert.deepEqual(mirrorWarnings({ flips: ["y"], augmentation }, sides), []);
  const allowed = { ...STRONG_AUGMENTATION, mirror: ["y"] as const };
  assert.deepEqual(mirrorWarnings({ flips: "axes", augmentation: allowed }, sides), []);
  assert.deepEqual(mirrorWarnings({ flips: "axes", augmentation }, { labels: named("lesion"), classes: ["ill"] }), []);
});
