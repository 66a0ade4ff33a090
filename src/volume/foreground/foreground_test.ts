import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { spacingAffine, type Triple, voxelsOf } from "../grid/grid.ts";
import { cutWindow } from "../sampling/crop.ts";
import { seeded } from "../testing/fixtures.ts";
import { readVolume } from "../formats/formats.ts";
import { coreValues, findForeground } from "./foreground.ts";

const SIZE: Triple = [48, 56, 52];
const START: Triple = [12, 9, 14], INNER: Triple = [26, 36, 24];

/** An ellipsoid of 400 to 600 with a dark cavity of 20 in its middle, before 0. */
function head(): Float32Array {
  const data = new Float32Array(voxelsOf(SIZE));
  for (let x = 0, v = 0; x < SIZE[0]; x++) {
    for (let y = 0; y < SIZE[1]; y++) {
      for (let z = 0; z < SIZE[2]; z++, v++) {
        const r = Math.hypot(...[x, y, z].map((p, a) => (p - START[a] - INNER[a] / 2 + 0.5) / (INNER[a] / 2)));
        if (r <= 1) data[v] = r < 0.3 ? 20 : 400 + (x * 31 + y * 17 + z * 7) % 200;
      }
    }
  }
  return data;
}

const imageOf = (data: Float32Array, sizeVox = SIZE) => ({ data, sizeVox, affineRas: spacingAffine([1, 1, 1]) });

/** Dice of two masks. */
function agreement(a: Uint8Array, b: Uint8Array): number {
  let both = 0, sum = 0;
  a.forEach((v, i) => (both += v & b[i], sum += v + b[i]));
  return 2 * both / sum;
}

Deno.test("findForeground() finds the tissue, its cavities filled, and the box around it", () => {
  const data = head(), { kind, mask, voxels, box, background } = findForeground(imageOf(data));
  assert.deepEqual([kind, background], ["part", 0]);
  assert.deepEqual(box, { start: START, end: START.map((s, a) => s + INNER[a]) });
  assert.equal(voxels, data.reduce((n, v) => n + Number(v > 0), 0));
  assert.ok(mask.every((m, v) => m === Number(data[v] > 0)));
});

Deno.test("findForeground() sees neither dust, stray voxels, negative values, other backgrounds, noise nor scale", () => {
  const random = seeded(31), normal = () => random() + random() + random() - 1.5;
  const clean = head(), expected = findForeground(imageOf(clean)).mask;
  const changed: Record<string, Float32Array> = {
    dust: clean.map((v) => v === 0 ? 5e-27 * random() : v),
    "a stray voxel": clean.with(5000, 3000),
    "a stray voxel, absurdly bright": clean.with(5000, 1e12),
    "stray voxels": clean.map((v, i) => v === 0 && i % 9973 === 0 ? 700 : v),
    "small negative values": clean.map((v) => v === 0 ? -3 * random() : v),
    "a background of −1000": clean.map((v) => v - 1000),
    "a background of 100": clean.map((v) => v === 0 ? 100 : v + 200),
    "noise in air": clean.map((v) => v === 0 ? 20 * Math.hypot(normal(), normal()) : v),
    "tissue below the background": clean.map((v) => 1000 - v),
    "a scale of 1e-9": clean.map((v) => v * 1e-9),
    "a scale of 1e7": clean.map((v) => v * 1e7),
  };
  for (const [what, data] of Object.entries(changed)) {
    const { kind, mask } = findForeground(imageOf(data));
    assert.equal(kind, "part", what);
    assert.ok(agreement(mask, expected) >= 0.995, `${what}: Dice ${agreement(mask, expected)}`);
  }
});

Deno.test("findForeground() does not depend on the margin: seeded paddings and crops", () => {
  const random = seeded(37), data = head(), expected = findForeground(imageOf(data));
  for (let k = 0; k < 12; k++) {
    const start = SIZE.map((_, a) => Math.floor(START[a] * (1 - 3 * random()))) as unknown as Triple;
    const size = SIZE.map((_, a) => START[a] + INNER[a] - start[a] + Math.floor(random() * 40)) as unknown as Triple;
    const { mask, box } = findForeground(imageOf(cutWindow(data, SIZE, { start, size }), size));
    assert.deepEqual(
      cutWindow(mask, size, { start: start.map((s) => 0 - s) as unknown as Triple, size: SIZE }),
      expected.mask,
    );
    assert.deepEqual(box!.start.map((s, a) => s + start[a]), expected.box!.start);
  }
});

Deno.test("findForeground() takes a field of view within tissue whole, and nothing from an empty or constant one", () => {
  const random = seeded(41), voxels = voxelsOf(SIZE);
  const tissue = Float32Array.from({ length: voxels }, () => 200 + 300 * random());
  const { kind, box } = findForeground(imageOf(tissue));
  assert.deepEqual([kind, box], ["whole", { start: [0, 0, 0], end: SIZE }]);
  for (const data of [new Float32Array(voxels), new Float32Array(voxels).fill(-7), tissue.map((v) => v * 1e-29)]) {
    const none = findForeground(imageOf(data));
    assert.deepEqual([none.kind, none.voxels, none.box], ["none", 0, null]);
  }
});

Deno.test("coreValues() leaves out what lies near the surface, unless little else is left", () => {
  const data = head(), found = findForeground(imageOf(data));
  const core = coreValues(imageOf(data), found);
  assert.ok(core.length < found.voxels && core.length > found.voxels / 4);
  const rim = data.map((v, i) => v === 0 && found.mask[i] === 0 ? 45 : v);
  assert.deepEqual(coreValues(imageOf(rim), found), core, "the surface's surroundings do not count");
  const thin = new Float32Array(voxelsOf(SIZE));
  for (let v = 25 * SIZE[1] * SIZE[2]; v < 26 * SIZE[1] * SIZE[2]; v++) if (v % 5 > 0) thin[v] = 90 + v % 3;
  const sheet = findForeground(imageOf(thin));
  assert.equal(coreValues(imageOf(thin), sheet).length, sheet.voxels);
});

Deno.test("findForeground() of a phantom is its head", () => {
  const { images: { t1 } } = makePhantom({ seed: 3, sizeVox: [40, 44, 38], spacingMm: [2, 2, 2], lesions: 2 });
  const { kind, mask } = findForeground({ data: t1, sizeVox: [40, 44, 38], affineRas: spacingAffine([2, 2, 2]) });
  assert.equal(kind, "part");
  assert.ok(agreement(mask, Uint8Array.from(t1, (v) => Number(v > 0))) > 0.97);
});

const DATA = "../shared/data/";
const ignore = !existsSync(DATA);

Deno.test({
  name: "findForeground() of patients: heads before a background, hippocampi within tissue, z-scored brains whole" +
    (ignore ? " (skipped: ../shared/data is absent)" : ""),
  ignore,
  fn: async () => {
    const of = async (path: string) => findForeground(await readVolume(DATA + path));
    for (const path of ["ms/patient07/flair", "ms/patient19/t1", "ms-longitudinal/patient01_study1/t2"]) {
      const { kind, voxels } = await of(`${path}.nii.gz`);
      assert.equal(kind, "part", path);
      assert.ok(voxels > 1e6, `${path}: ${voxels}`);
    }
    const brain = await readVolume(`${DATA}tumour/patient01/brainmask.nii.gz`);
    const tumour = await of("tumour/patient01/flair.nii.gz");
    assert.ok(
      agreement(tumour.mask, Uint8Array.from(brain.data, (v) => Number(v > 0))) > 0.97,
      "half of it is below 0",
    );
    const crops = [...Deno.readDirSync(`${DATA}hippocampus/images`)].map((f) => f.name).sort().filter((_, i) =>
      i % 10 === 0
    );
    for (const name of crops) assert.equal((await of(`hippocampus/images/${name}`)).kind, "whole");
  },
});
