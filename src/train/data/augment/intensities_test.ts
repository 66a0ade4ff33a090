import assert from "node:assert/strict";
import { Random } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import { STRONG_AUGMENTATION } from "../../recipe/augmentation.ts";
import { blurred } from "./blur.ts";
import { brightened } from "./brightness.ts";
import { contrasted } from "./contrast.ts";
import { dropModality } from "./drop_modality.ts";
import { toPower } from "./gamma.ts";
import { changedIntensities, INTENSITY_KINDS } from "./kinds.ts";
import { coarsened } from "./low_resolution.ts";
import { momentsOf } from "./moments.ts";
import { withNoise } from "./noise.ts";
import { assertClose, pattern } from "./testing/pattern.ts";

const SIZE: Triple = [4, 5, 6];
const CROP = pattern(SIZE);

/** Rows y0 ≤ y < y1 of the slices x0 ≤ x < x1. */
const rows = (data: Float32Array, [x0, x1]: readonly number[], [y0, y1]: readonly number[]) =>
  Array.from({ length: x1 - x0 }, (_, x) => [...data.subarray(((x0 + x) * 5 + y0) * 6, ((x0 + x) * 5 + y1) * 6)])
    .flat();

Deno.test("blurred() is scipy's gaussian_filter with mode mirror", () => {
  const expected = [
    0.406074,
    0.429458,
    0.44808,
    0.427309,
    0.445839,
    0.4752,
    0.470253,
    0.457517,
    0.443575,
    0.42846,
    0.405043,
    0.394964,
    0.439415,
    0.42713,
    0.409111,
    0.434983,
    0.506903,
    0.548692,
    0.47273,
    0.472816,
    0.457024,
    0.430528,
    0.442728,
    0.465805,
  ];
  assertClose(rows(blurred(CROP, { size: SIZE, sigmaVox: [0.6, 0.8, 1] }), [1, 3], [1, 3]), expected, 1e-6);
});

Deno.test("blurred() keeps a crop of one voxel along an axis", () => {
  const flat = new Float32Array([1, 2, 4]);
  assertClose(blurred(flat, { size: [3, 1, 1], sigmaVox: [1e-3, 2, 2] }), [1, 2, 4], 1e-6);
});

Deno.test("coarsened() is torch's interpolate, nearest-exact down and trilinear up", () => {
  const expected = [
    0.376087,
    0.417935,
    0.468841,
    0.505072,
    0.443478,
    0.372826,
    0.288043,
    0.404891,
    0.468297,
    0.254529,
    0.317935,
    0.434783,
    0.575,
    0.504348,
    0.442754,
    0.478986,
    0.417391,
    0.346739,
    0.392391,
    0.434239,
    0.485145,
    0.521377,
    0.459783,
    0.38913,
    0.304348,
    0.421196,
    0.484601,
    0.270833,
    0.334239,
    0.451087,
    0.366304,
    0.408152,
    0.459058,
    0.49529,
    0.433696,
    0.363043,
  ];
  assertClose(rows(coarsened(CROP, { size: SIZE, fewer: [3, 3, 4] }), [1, 3], [1, 4]), expected, 1e-6);
});

Deno.test("contrasted() stretches about the mean within the crop's range, as numpy does", () => {
  assertClose(rows(contrasted(CROP, 1.25), [0, 1], [0, 2]), [
    0.0,
    0.261051,
    0.641485,
    0.956522,
    0.152355,
    0.53279,
    0.804529,
    0.0,
    0.315399,
    0.695833,
    0.956522,
    0.206703,
  ], 1e-6);
});

Deno.test("toPower() keeps mean and deviation, of the image or its negative, as numpy does", () => {
  const table = [
    {
      exponent: 1.4,
      isInverted: false,
      expected: [
        0.088859,
        0.275083,
        0.580305,
        0.955829,
        0.205126,
        0.48491,
        0.733808,
        0.101074,
        0.313363,
        0.630142,
        1.014172,
        0.238934,
      ],
    },
    {
      exponent: 0.75,
      isInverted: false,
      expected: [
        -0.091744,
        0.333806,
        0.623943,
        0.8783,
        0.238895,
        0.545804,
        0.736129,
        0.00714,
        0.378631,
        0.661951,
        0.912743,
        0.287344,
      ],
    },
    {
      exponent: 1.4,
      isInverted: true,
      expected: [
        -0.058464,
        0.326208,
        0.643517,
        0.856161,
        0.222369,
        0.561054,
        0.751935,
        -2.3e-05,
        0.376128,
        0.681861,
        0.868396,
        0.274937,
      ],
    },
  ];
  for (const { expected, ...how } of table) {
    const raised = toPower(CROP, how);
    assertClose(rows(raised, [0, 1], [0, 2]), expected, 2e-6);
    const [before, after] = [momentsOf(CROP), momentsOf(raised)];
    assertClose([after.mean, after.deviation], [before.mean, before.deviation], 1e-6);
  }
  assert.deepEqual(
    toPower(new Float32Array(8).fill(3), { exponent: 2, isInverted: false }),
    new Float32Array(8).fill(3),
  );
});

Deno.test("withNoise() adds normal noise of a share of the crop's deviation", () => {
  const data = pattern([30, 30, 30]).map((v) => 100 * v);
  const added = withNoise(data, { share: 0.1, random: new Random(0) }).map((v, i) => v - data[i]);
  const { mean, deviation } = momentsOf(added), expected = 0.1 * momentsOf(data).deviation;
  assert.ok(Math.abs(mean) < 5 * expected / Math.sqrt(27000), `mean ${mean}`);
  assert.ok(Math.abs(deviation / expected - 1) < 0.03, `deviation ${deviation} of ${expected}`);
  const beyond = added.filter((v) => Math.abs(v) > 1.96 * expected).length / 27000;
  assert.ok(Math.abs(beyond - 0.05) < 0.007, `${beyond} beyond 1.96 deviations`);
});

Deno.test("assertClose() fails beyond the tolerance and names the worst element", () => {
  assert.throws(() => assertClose([1, 2.5, 3.1], [1, 2, 3], 0.2), /element 1: 2.5, expected 2 ± 0.2/);
  assert.throws(() => assertClose([1, NaN], [1, 2], 0.2), /element 1: NaN/);
  assert.throws(() => assertClose([1], [1, 2], 0.2), /numbers of values differ/);
});

Deno.test("brightened() multiplies", () =>
  assert.deepEqual([...brightened(new Float32Array([1, -2]), 1.5)], [1.5, -3]));

Deno.test("dropModality never drops all modalities, and a dropped one shows its mean", () => {
  const always = { ...STRONG_AUGMENTATION, dropModality: { chance: 1 } };
  const channels = [0, 1, 2].map((c) => CROP.map((v) => v + c));
  const kept = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const edits = dropModality.draw(always, { channels: 3, size: SIZE, thick: null }, new Random(seed))!;
    assert.equal(edits.filter((edit) => edit === null).length, 1);
    kept.add(edits.indexOf(null));
    edits.forEach((edit, c) => edit && assertClose(new Set(edit(channels[c])), [momentsOf(channels[c]).mean], 1e-6));
  }
  assert.equal(kept.size, 3);
  for (let seed = 0; seed < 5; seed++) {
    assert.equal(dropModality.draw(always, { channels: 1, size: SIZE, thick: null }, new Random(seed)), null);
  }
});

Deno.test("every kind changes a crop as often as its chance says, and leaves its input", () => {
  const n = 400, crop = { channels: 2, size: SIZE, thick: null };
  const chances = [0.1, 0.2, 0.15, 0.15, 0.25, 0.1, 0.3, 0.1];
  INTENSITY_KINDS.forEach(({ name, draw }, k) => {
    const drawn = Array.from({ length: n }, (_, i) => draw(STRONG_AUGMENTATION, crop, new Random(`${name} ${i}`)));
    const count = drawn.filter((edits) => edits !== null).length, spread = 5 * Math.sqrt(n * chances[k]);
    assert.ok(Math.abs(count - n * chances[k]) < spread, `${name}: ${count} of ${n}, expected ${n * chances[k]}`);
    const before = CROP.slice();
    for (const edit of drawn.flatMap((edits) => edits ?? [])) {
      if (edit === null) continue;
      const after = edit(CROP);
      assert.ok(after.length === CROP.length && after.every(Number.isFinite), name);
    }
    assert.deepEqual(CROP, before, `${name} changed its input`);
  });
});

Deno.test("changedIntensities() is the same for the same random numbers, and differs between modalities", () => {
  const change = (seed: number) =>
    changedIntensities([CROP, CROP], {
      augmentation: { ...STRONG_AUGMENTATION, gamma: { ...STRONG_AUGMENTATION.gamma, chance: 1 } },
      crop: { channels: 2, size: SIZE, thick: null },
      random: new Random(seed),
    });
  assert.deepEqual(change(1), change(1));
  assert.notDeepEqual(change(1)[0], change(1)[1]);
  assert.notDeepEqual(change(1), change(2));
});
