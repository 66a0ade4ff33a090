import assert from "node:assert/strict";
import { join } from "node:path";
import { writeVolume } from "../../../src/volume/mod.ts";
import { inFolder } from "../testing/fixtures.ts";
import { scored, segmentationMetrics, segmentationRow } from "./scoring.ts";

const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
/** The whole is everything labelled; the core is value 4 in the reference and 2 in the mask. */
const REGIONS = [
  { name: "whole", mask: [1, 2], reference: [1, 4] },
  { name: "core", mask: [2], reference: [4] },
];

async function write(folder: string, name: string, values: readonly number[], sizeVox: [number, number, number]) {
  const path = join(folder, `${name}.nii.gz`);
  await writeVolume(path, { data: Uint8Array.from(values), grid: { sizeVox, affineRas: AFFINE } });
  return path;
}

Deno.test("scored() compares regions that several values make, and refuses another grid", () =>
  inFolder(async (folder) => {
    const reference = await write(folder, "reference", [0, 1, 4, 4], [4, 1, 1]);
    const mask = await write(folder, "mask", [1, 1, 2, 0], [4, 1, 1]);
    const { regions } = await scored("a", { mask, reference }, REGIONS);
    assert.deepEqual(regions.map((r) => [r.name, r.dice]), [["whole", 2 * 2 / 6], ["core", 2 / 3]]);
    assert.deepEqual(regions.map((r) => r.referenceMl), [0.003, 0.002]);
    const other = await write(folder, "other", [1, 1], [2, 1, 1]);
    await assert.rejects(scored("a", { mask: other, reference }, REGIONS), {
      name: "RangeError",
      message: "Cannot score a mask: expected 4×1×1 voxels, got 2×1×1",
    });
  }));

Deno.test("segmentationRow() counts an empty mask, which has Dice 0 and no HD95", () => {
  const region = (name: string, dice: number, hd95Mm: number | null) => ({
    name,
    dice,
    hd95Mm,
    volumeMl: dice,
    referenceMl: 1,
  });
  const run = (id: string, ...regions: ReturnType<typeof region>[]) => ({
    provider: "cpu",
    patients: [{ id, regions }],
    cost: { trainSeconds: 10, updates: 5, peakBytes: 2e9 },
  });
  const { values, patients } = segmentationRow([
    run("a", region("whole", 0.8, 2), region("core", 0, null)),
    run("b", region("whole", 0.6, 4), region("core", 0.4, 6)),
  ]);
  assert.ok(Math.abs(values.dice! - 0.45) < 1e-12);
  assert.deepEqual([values.empty, values["hd95Mm core"], values.hd95Mm, values.peakGb], [1, 6, 3.5, 2]);
  assert.deepEqual(patients!.map((p) => p.values.dice), [0.4, 0.5]);
  const keys = segmentationMetrics(REGIONS).map((m) => m.key);
  assert.deepEqual(keys.filter((key) => !(key in values)), []);
});
