import assert from "node:assert/strict";
import { join } from "node:path";
import { writeVolume } from "../../volume/mod.ts";
import { TrainingError } from "../types.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** A case whose voxel axes run along anterior, superior and left, with two labels. */
async function writeCase(folder: string, name: string, sizeVox: [number, number, number]) {
  const affineRas = [0, 0, -3, 0, 1, 0, 0, 0, 0, 2, 0, 0];
  const data = new Float32Array(sizeVox[0] * sizeVox[1] * sizeVox[2]);
  const [image, label] = ["image", "label"].map((kind) => join(folder, `${name}_${kind}.nii.gz`));
  await writeVolume(image, { grid: { sizeVox, affineRas }, data });
  data.set([1, 1, 0, 1, 2]);
  await writeVolume(label, { grid: { sizeVox, affineRas }, data });
  return { id: name, patient: name, images: { t1: image }, label };
}

const LABELS = [{ name: "a", value: 1, colour: "#ff0000" }, { name: "b", value: 2, colour: "#00ff00" }];

Deno.test("fingerprintOf() reads sizes along right, anterior, superior, and volumes, parts and shares of labels", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const cases = [await writeCase(folder, "p1", [10, 8, 6]), await writeCase(folder, "p2", [20, 8, 6])];
    const request = { task: "segmentation", cases, modalities: ["t1"], labels: LABELS } as const;
    const found = await fingerprintOf(request);
    assert.deepEqual([found.cases, found.patients, found.headersRead, found.labelsRead], [2, 2, 2, 2]);
    assert.deepEqual(found.sizeVox, { least: [6, 10, 8], median: [6, 10, 8], most: [6, 20, 8] });
    assert.deepEqual([found.spacingMm.median, found.extentMm], [[3, 1, 2], [18, 10, 16]]);
    const [a, b] = found.labels;
    assert.deepEqual([a.name, a.cases, a.medianMl, a.components], ["a", 2, 0.018, 2]);
    assert.deepEqual([b.name, b.cases, b.medianMl, b.components], ["b", 2, 0.006, 1]);
    assert.ok(Math.abs(b.share - 1 / 960) < 1e-6, `${b.share}`);
    assert.equal(found.exclusive, true);
    const nested = [{ ...LABELS[0], sourceValues: [1, 2] }, LABELS[1]];
    assert.equal((await fingerprintOf({ ...request, labels: nested })).exclusive, false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fingerprintOf() names a case whose file cannot be read by its number", async () => {
  const cases = [{ id: "secret", patient: "secret", images: { t1: "/nowhere/secret.nii.gz" } }];
  await assert.rejects(
    fingerprintOf({ task: "classification", cases, modalities: ["flair"], labels: [] }),
    (error) => error instanceof TrainingError && error.message === "Cannot plan for case 1: it has no image",
  );
});
