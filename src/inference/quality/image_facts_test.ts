import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { imageFacts } from "./image_facts.ts";

const SIZE: Triple = [24, 26, 22];
const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];

/** Waves a few voxels long, 0 to 1, with noise. */
function waves(noise: number, seed = 1): Float32Array {
  const random = new Random(seed), [nx, ny, nz] = SIZE;
  return Float32Array.from({ length: nx * ny * nz }, (_, v) => {
    const z = v % nz, y = Math.floor(v / nz) % ny, x = Math.floor(v / nz / ny);
    return 0.5 + 0.2 * (Math.sin(x / 2) + Math.sin(y / 3) * Math.cos(z / 2)) + noise * random.normal();
  });
}

const factsOf = (data: Float32Array, inside = new Uint8Array(data.length).fill(1)) => {
  const [whole, t1] = imageFacts({ channels: [data], inside, grid: { sizeVox: SIZE, affineRas: AFFINE } }, ["t1"]);
  return { ...whole.values, ...t1.values };
};

Deno.test("imageFacts() of a noisier image has more noise, and of a smoother one less sharpness", () => {
  const clean = factsOf(waves(0.01)), noisy = factsOf(waves(0.1));
  assert.ok(noisy.noise > clean.noise + 2, `${clean.noise} ${noisy.noise}`);
  const data = waves(0.02), nz = SIZE[2];
  const smooth = data.map((v, i) => (v + data[Math.max(0, i - nz)] + data[Math.min(data.length - 1, i + nz)]) / 3);
  const before = factsOf(data), after = factsOf(smooth);
  const fallen = ["x", "y"].map((axis) => before[`sharpness ${axis}`] - after[`sharpness ${axis}`]);
  assert.ok(fallen[1] > 0.1 && fallen[1] > 1.2 * fallen[0], `${fallen}`);
});

Deno.test("imageFacts() of an inverted image has its quantiles mirrored", () => {
  const data = waves(0.02), own = factsOf(data.map((v) => v ** 2)), other = factsOf(data.map((v) => 1 - v ** 2));
  assert.ok(Math.abs(own.q25 - (1 - other.q75)) < 1e-3 && Math.abs(own.q50 - (1 - other.q50)) < 1e-3);
});

Deno.test("imageFacts() measures the tissue in mm and mL, whatever its place", () => {
  const [nx, ny, nz] = SIZE, inside = new Uint8Array(nx * ny * nz);
  for (let x = 4; x < 12; x++) {
    for (let y = 0; y < 16; y++) for (let z = 6; z < 16; z++) inside[(x * ny + y) * nz + z] = 1;
  }
  const facts = factsOf(waves(0.01), inside);
  const sides = ["x", "y", "z"].map((axis) => 2 ** facts[`extent ${axis}`]);
  assert.deepEqual(sides.map((mm) => Math.round(mm * 1e6) / 1e6), [8, 16, 20]);
  assert.ok(Math.abs(2 ** facts.volume - 8 * 16 * 10 * 2 / 1000) < 1e-9);
});

Deno.test("imageFacts() of two modalities tells whether they are alike", () => {
  const a = waves(0.01, 1), b = waves(0.1, 2), inside = new Uint8Array(a.length).fill(1);
  const alike = (other: Float32Array) => {
    const grid = { sizeVox: SIZE, affineRas: AFFINE };
    const found = imageFacts({ channels: [a, other], inside, grid }, ["t1", "flair"]);
    assert.deepEqual(found.map(({ of }) => of), ["case", "t1", "flair", "t1 flair"]);
    return found[3].values.correlation;
  };
  assert.ok(Math.abs(alike(a) - 1) < 1e-6 && Math.abs(alike(a.map((v) => -v)) + 1) < 1e-6);
  assert.ok(alike(b) > 0.3 && alike(b) < 0.99);
  assert.equal(alike(new Float32Array(a.length)), 0);
});

/** A ball of grey and white matter with dark cavities, as thin shells, and what `extra` puts on it; voxels of 2 mm. */
function brain(extra: (at: Triple) => number | null = () => null) {
  const random = new Random("brain"), n = 70, data = new Float32Array(n ** 3), inside = new Uint8Array(n ** 3);
  for (let x = 0, v = 0; x < n; x++) {
    for (let y = 0; y < n; y++) {
      for (let z = 0; z < n; z++, v++) {
        const r = Math.hypot(x - 35, y - 35, z - 35);
        if (r > 33) continue;
        inside[v] = 1;
        const tissue = Math.sin(r) > 0.8 ? 1.2 : r % 9 < 5 ? 0.6 : 0.4;
        data[v] = (extra([x, y, z]) ?? tissue) + 0.05 * random.normal();
      }
    }
  }
  const affineRas = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  return { channels: [data], inside, grid: { sizeVox: [n, n, n] as const, affineRas } };
}

Deno.test("imageFacts() measures the largest region that stands out, bright or dark, and passes over thin and small ones", () => {
  const of = (extra?: Parameters<typeof brain>[0]) => imageFacts(brain(extra), ["flair"])[1].values;
  const ball = (radius: number, value: number) => ([x, y, z]: Triple) =>
    Math.hypot(x - 25, y - 35, z - 40) < radius ? value : null;
  const none = Math.log2(3),
    own = of(),
    tumour = of(ball(12, 1.4)),
    cavity = of(ball(12, 0)),
    lesion = of(ball(2, 1.4));
  assert.deepEqual([own.bright, own.dark, own.onesided], [none, none, none]);
  const ml = 4 / 3 * Math.PI * 24 ** 3 / 1000;
  assert.ok(Math.abs(2 ** tumour.bright / ml - 1) < 0.25 && tumour.dark === none, `${2 ** tumour.bright} of ${ml} mL`);
  assert.ok(Math.abs(2 ** cavity.dark / ml - 1) < 0.25 && cavity.bright === none, `${2 ** cavity.dark} of ${ml} mL`);
  assert.deepEqual([lesion.bright, lesion.dark, lesion.onesided], [none, none, none]);
  // ventricles are as dark, on both sides
  const both = of(([x, y, z]) => Math.hypot(Math.abs(x - 35) - 10, y - 35, z - 40) < 9 ? 0 : null);
  assert.ok(both.dark > 3 && both.onesided === none, `${both.dark} ${both.onesided}`);
  for (const { onesided } of [tumour, cavity]) {
    assert.ok(Math.abs(2 ** onesided / ml - 1) < 0.25, `${2 ** onesided} of ${ml} mL`);
  }
});

Deno.test("imageFacts() hears the echo of ghosts, brighter or darker than what they copy, and none in a clean image", () => {
  const n = 60, random = new Random("texture"), noise = Float32Array.from({ length: n ** 3 }, () => random.normal());
  const data = noise.map((v, i) => [1, n, n * n].reduce((sum, step) => sum + (noise[i + step] ?? 0), v));
  const grid = { sizeVox: [n, n, n] as const, affineRas: AFFINE }, inside = new Uint8Array(n ** 3).fill(1);
  const echoOf = (image: Float32Array) => imageFacts({ channels: [image], inside, grid }, ["t1"])[1].values.echo;
  const own = echoOf(data);
  assert.ok(own < 0.1, String(own));
  for (const [axis, stride] of [[0, n * n], [1, n], [2, 1]]) {
    for (const share of [0.15, -0.15]) {
      const ghost = data.map((v, i) => {
        const at = Math.floor(i / stride) % n;
        return v + share * data[i + ((at + 24) % n - at) * stride];
      });
      const heard = echoOf(ghost);
      assert.ok(heard > own + 0.08, `axis ${axis}, ${share}: ${heard} against ${own}`);
    }
  }
});

Deno.test("imageFacts() says little of a constant image and of one without tissue", () => {
  const constant = factsOf(new Float32Array(SIZE[0] * SIZE[1] * SIZE[2]).fill(0.5));
  assert.deepEqual([constant.q5, constant.q95, constant.noise], [0.5, 0.5, undefined]);
  const nothing = factsOf(waves(0.01), new Uint8Array(SIZE[0] * SIZE[1] * SIZE[2]));
  assert.deepEqual([nothing.volume, nothing.q50], [-20, undefined]);
});
