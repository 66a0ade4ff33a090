import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import type { GridImage, Triple } from "../../volume/mod.ts";
import { readTemplate, templateFor, templatePath, writeTemplate } from "./templates.ts";
import { InferenceError } from "../types.ts";

async function writeFileOf(
  folder: string,
  ...[grid, data]: [GridImage | ReturnType<typeof orientedGrid>, Float32Array]
) {
  await Deno.mkdir(join(folder, "templates"), { recursive: true });
  await writeVolume(templatePath(folder, "t1"), grid, data);
}

Deno.test("readTemplate() maps a template to [0, 1] with the guard of docs/method F.3 and turns it to RAS", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([2, 2, 2], { code: "LAS", originMm: [1, 0, 0] });
    await writeFileOf(folder, grid, sampled(grid, ([x, y, z]) => 4 * x + 2 * y + z));
    const { data, sizeVox } = (await readTemplate(folder, "t1"))!;
    assert.deepEqual(sizeVox, [2, 2, 2]);
    assert.deepEqual([...data], Array.from({ length: 8 }, (_, i) => Math.fround(i / (7 + 1e-9))));
    assert.deepEqual([...(await readTemplate(folder, "t1", { fit: "raw" }))!.data], [0, 1, 2, 3, 4, 5, 6, 7]);
  }));

Deno.test("writeTemplate() keeps every bit, in RAS around 0 mm", () =>
  inFolder(async (folder) => {
    const data = Float32Array.of(-0, 1e-45, -3.4e38, 0.1, 0, 7);
    await writeTemplate(folder, "flair", { data, sizeVox: [1, 2, 3], spacingMm: [1, 1, 2] });
    const read = (await readTemplate(folder, "flair", { fit: "raw" }))!;
    assert.deepEqual(new Uint8Array(read.data.buffer), new Uint8Array(data.buffer));
    assert.deepEqual(read.affineRas, [1, 0, 0, 0, 0, 1, 0, -0.5, 0, 0, 2, -2, 0, 0, 0, 1]);
  }));

Deno.test("readTemplate() returns null where there is none, zeros for one value, and refuses other files", () =>
  inFolder(async (folder) => {
    assert.equal(await readTemplate(folder, "t1"), null);
    await writeFileOf(folder, orientedGrid([2, 2, 2]), new Float32Array(8).fill(5));
    assert.deepEqual([...(await readTemplate(folder, "t1"))!.data], Array(8).fill(0));
    await Deno.writeTextFile(templatePath(folder, "t1"), "no template");
    await assert.rejects(readTemplate(folder, "t1"), (error) => {
      assert.ok(error instanceof InferenceError && error.code === "invalid-volume");
      assert.match(error.message, /^the template of t1: Cannot read/);
      return true;
    });
  }));

/** A template whose voxel (x, y, z) holds 100x + 10y + z. */
function templateOf(sizeVox: Triple): GridImage {
  const grid = orientedGrid(sizeVox);
  return { ...grid, data: sampled(grid, ([x, y, z]) => 100 * x + 10 * y + z) };
}

const fit = (template: GridImage, sizeVox: Triple, box = { start: [0, 0, 0] as Triple, end: sizeVox }) =>
  templateFor(template, { uncropped: orientedGrid(sizeVox), box, spacingMm: [1, 1, 1] });

Deno.test("templateFor() takes the centred window of the image's size, then the image's crop (docs/method B.5)", () => {
  // starts ⌊(6 − 3)/2⌋ = 1, ⌊(6 − 4)/2⌋ = 1, ⌊(5 − 5)/2⌋ = 0
  const whole = fit(templateOf([6, 6, 5]), [3, 4, 5]);
  assert.deepEqual(whole.sizeVox, [3, 4, 5]);
  assert.equal(whole.data[0], 110);
  const cropped = fit(templateOf([6, 6, 5]), [3, 4, 5], { start: [1, 2, 3], end: [2, 4, 5] });
  assert.deepEqual([...cropped.data], [233, 234, 243, 244]);
});

Deno.test("templateFor() pads with 0 where the image is larger", () => {
  // starts ⌊(2 − 5)/2⌋ = −2 along z
  const { data } = fit(templateOf([1, 1, 2]), [1, 1, 5]);
  assert.deepEqual([...data], [0, 0, 0, 1, 0]);
});

Deno.test("templateFor() resamples to the model's voxel size first", () => {
  const template = { ...templateOf([1, 1, 3]), affineRas: orientedGrid([1, 1, 3], { spacingMm: [1, 1, 2] }).affineRas };
  assert.deepEqual([...fit(template, [1, 1, 5]).data], [0, 0.5, 1, 1.5, 2]);
});

Deno.test("templateFor() puts a raw template first voxel on first voxel", () => {
  const box = { start: [0, 0, 1] as Triple, end: [1, 1, 6] as Triple };
  const options = { uncropped: orientedGrid([1, 1, 7]), box, spacingMm: [1, 1, 1] as const };
  assert.deepEqual([...templateFor(templateOf([1, 1, 4]), { ...options, fit: "raw" }).data], [1, 2, 3, 0, 0]);
});

Deno.test("readTemplate() is on the scale of images whose percentiles are those of the foreground", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([24, 24, 24]);
    const inside = ([x, y, z]: Triple) => Math.hypot(x - 12, y - 12, z - 12) < 9;
    const valueAt = (mm: Triple) => inside(mm) ? 0.3 + 0.02 * mm[2] : 0.001 * (mm[0] % 3);
    await writeFileOf(folder, grid, sampled(grid, valueAt));
    const normalisation = { kind: "percentiles", over: "foreground", lower: 5, upper: 95, clip: false } as const;
    const [template, published] = [
      await readTemplate(folder, "t1", { normalisation }),
      await readTemplate(folder, "t1"),
    ];
    const own = sampled(grid, (mm) => Number(inside(mm)));
    const shown = template!.data.filter((_, v) => own[v] === 1), sorted = shown.toSorted();
    assert.ok(template!.data.every((v, i) => own[i] === 1 || v === 0), "the background is 0");
    assert.ok(Math.abs(sorted[shown.length >> 1] - 0.5) < 0.05, `median ${sorted[shown.length >> 1]}`);
    assert.ok(sorted.at(-1)! > 1 && sorted[0] < 0, "nothing is clipped");
    assert.ok(published!.data.every((v) => v >= 0 && v <= 1));
  }));

Deno.test("templateFor() turns a template to the network's axes, and takes the grid's voxel size where none is stated", () => {
  const template = templateOf([3, 4, 5]), box = { start: [0, 0, 0] as Triple, end: [5, 4, 3] as Triple };
  // axes S, P, L: the template's z, y backwards, x backwards
  const uncropped = orientedGrid([5, 4, 3], { code: "SPL" });
  const { data } = templateFor(template, { uncropped, box, spacingMm: null });
  assert.deepEqual(
    [...data],
    [...orientedIndices()].map(([z, y, x]) => 100 * (2 - x) + 10 * (3 - y) + z),
  );
});

function* orientedIndices(): Generator<Triple> {
  for (let z = 0; z < 5; z++) for (let y = 0; y < 4; y++) for (let x = 0; x < 3; x++) yield [z, y, x];
}
