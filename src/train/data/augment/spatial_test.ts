import assert from "node:assert/strict";
import { Random } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import { STRONG_AUGMENTATION } from "../../recipe/augmentation.ts";
import { controlSize, drawElastic, splined } from "./elastic.ts";
import { assertClose, pattern } from "./testing/pattern.ts";
import { IDENTITY } from "./matrix.ts";
import { resampled, resampledMasks } from "./resample.ts";
import { rotation } from "./rotation.ts";
import { drawSpatial, pointsOf, type SpatialChange, thickAxis } from "./spatial.ts";

const VOLUME: Triple = [5, 6, 7];
const PLACE = { sizeVox: VOLUME, start: [1, -1, 2], size: [3, 4, 5] } as const;
const SHEARED = [0.9, -0.3, 0.1, 0.25, 0.8, -0.2, 0.05, 0.3, 1.1];

// scipy.ndimage.affine_transform and map_coordinates, order 1, mode "grid-constant"
const AFFINE = [
  0.231848,
  0.141196,
  0.030217,
  0.0,
  0.0,
  0.741957,
  0.463696,
  0.502609,
  0.419815,
  0.148696,
  0.566467,
  0.136957,
  0.437946,
  0.693935,
  0.261359,
  0.329978,
  0.465467,
  0.396957,
  0.608696,
  0.33913,
  0.135435,
  0.281522,
  0.205533,
  0.045967,
  0.0,
  0.26625,
  0.471739,
  0.765978,
  0.293967,
  0.427913,
  0.396011,
  0.27375,
  0.658989,
  0.638478,
  0.265652,
  0.527772,
  0.350011,
  0.45,
  0.514239,
  0.120978,
  0.438652,
  0.480978,
  0.286478,
  0.220652,
  0.084,
  0.346793,
  0.734783,
  0.251522,
  0.578261,
  0.604076,
  0.338804,
  0.470793,
  0.274783,
  0.456272,
  0.393913,
  0.534565,
  0.349804,
  0.476793,
  0.314783,
  0.103043,
];
const WITH_FIELD = [
  0.135815,
  0.156279,
  0.162384,
  0.0,
  0.0,
  0.738828,
  0.311313,
  0.39359,
  0.515455,
  0.063155,
  0.51401,
  0.204222,
  0.498196,
  0.636174,
  0.354819,
  0.359998,
  0.455356,
  0.298536,
  0.61581,
  0.747628,
  0.079716,
  0.240658,
  0.290153,
  0.0,
  0.0,
  0.449482,
  0.377668,
  0.726285,
  0.339669,
  0.421407,
  0.424748,
  0.248696,
  0.610474,
  0.710026,
  0.274075,
  0.568455,
  0.430553,
  0.638142,
  0.629685,
  0.256878,
  0.419511,
  0.567502,
  0.229521,
  0.305891,
  0.0,
  0.307978,
  0.785723,
  0.594499,
  0.54585,
  0.564364,
  0.471665,
  0.404593,
  0.246569,
  0.360249,
  0.497646,
  0.401396,
  0.333192,
  0.505554,
  0.289973,
  0.023187,
];

Deno.test("resampled() interpolates linearly from the volume, 0 outside, as scipy does", () => {
  const volume = pattern(VOLUME);
  const at = (change: SpatialChange) => resampled(volume, VOLUME, pointsOf(change, PLACE));
  assertClose(at({ matrix: SHEARED, field: null }), AFFINE, 1e-6);
  const displaced = (multipliers: Triple, scale: number, shift: number) =>
    pattern(PLACE.size, { multipliers, modulus: 11 }).map((v) => scale * v + shift);
  const field = [
    displaced([3, 5, 7], 0.7, -0.3),
    displaced([7, 3, 5], 0.5, -0.2),
    displaced([5, 7, 3], 0.9, -0.6),
  ];
  assertClose(at({ matrix: SHEARED, field }), WITH_FIELD, 1e-5);
});

Deno.test("resampled() without a change is the crop, bit by bit, also beyond the volume", () => {
  const points = pointsOf({ matrix: IDENTITY, field: null }, { sizeVox: VOLUME, start: [-2, 3, 1], size: [4, 6, 4] });
  const found = resampled(pattern(VOLUME), VOLUME, points), volume = pattern(VOLUME);
  for (let x = 0, v = 0; x < 4; x++) {
    for (let y = 0; y < 6; y++) {
      for (let z = 0; z < 4; z++, v++) {
        const inside = x >= 2 && y < 3;
        assert.equal(found[v], inside ? volume[((x - 2) * 6 + y + 3) * 7 + z + 1] : 0, `${x} ${y} ${z}`);
      }
    }
  }
});

Deno.test("resampled() moved far outside the volume shows nothing", () => {
  const far = [1000, -1000, 1000].map((by) => new Float32Array(60).fill(by));
  assert.ok(
    resampled(pattern(VOLUME), VOLUME, pointsOf({ matrix: IDENTITY, field: far }, PLACE)).every((v) => v === 0),
  );
});

Deno.test("rotation() turns about x, then y, then z, as scipy's extrinsic xyz", () => {
  assertClose(rotation([0.3, -0.2, 0.5]), [
    0.860089,
    -0.509536,
    -0.024882,
    0.469869,
    0.810239,
    -0.350336,
    0.198669,
    0.289629,
    0.936293,
  ], 1e-6);
});

Deno.test("splined() is scipy's cubic B-spline over control points 16 voxels apart", () => {
  const size: Triple = [20, 3, 2], control = pattern(controlSize(size), { multipliers: [5, 11, 3], modulus: 13 });
  const field = splined(control.map((v) => v - 0.5), size);
  const at = [0, 7, 16, 19].flatMap((x) => [0, 2].map((y) => field[(x * 3 + y) * 2 + 1]));
  assertClose(at, [-0.032719, -0.034566, 0.0156, 0.020254, 0.013072, 0.029068, -0.012682, 0.002773], 1e-6);
});

Deno.test("drawElastic() never folds space and stays within its bound", () => {
  const size: Triple = [40, 40, 40], voxels = 6.4;
  for (let seed = 0; seed < 5; seed++) {
    const field = drawElastic({ chance: 1, voxels }, { size, thick: null }, new Random(seed))!;
    field.forEach((along, axis) => {
      const stride = [1600, 40, 1][axis];
      for (let v = 0; v + stride < along!.length; v++) {
        assert.ok(Math.abs(along![v]) <= voxels);
        if (Math.floor(v / stride) % 40 < 39) assert.ok(along![v + stride] - along![v] > -1, "neighbours swap");
      }
    });
  }
});

Deno.test("drawSpatial() keeps lengths in millimetres, and leaves thick slices apart", () => {
  const certain = {
    ...STRONG_AUGMENTATION,
    rotation: { chance: 1, degrees: 30 },
    scaling: { chance: 0, smallest: 1, largest: 1 },
    elastic: { chance: 1, voxels: 2 },
  };
  const draw = (spacingMm: Triple) => drawSpatial(certain, { size: [16, 16, 16], spacingMm }, new Random(1))!;
  for (const spacingMm of [[1, 1, 1], [0.5, 1, 1.4]] as const) {
    const { matrix, field } = draw(spacingMm);
    const metric = [0, 1, 2].map((i) =>
      [0, 1, 2].map((j) =>
        [0, 1, 2].reduce((sum, k) => sum + matrix[3 * k + i] * matrix[3 * k + j] * spacingMm[k] ** 2, 0)
      )
    );
    assertClose(metric.flat(), [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => i === j ? spacingMm[i] ** 2 : 0)), 1e-12);
    assert.ok(Math.abs(matrix[1]) > 0.01 && field!.every((along) => along !== null));
  }
  const { matrix, field } = draw([1, 1, 4]);
  assertClose([2, 5, 6, 7, 8].map((i) => matrix[i]), [0, 0, 0, 0, 1], 1e-12);
  assert.ok(Math.abs(matrix[1]) > 0.01 && field![2] === null && field![0] !== null);
});

Deno.test("thickAxis() is the axis of voxels over three times as long as the shortest", () => {
  assert.deepEqual([[1, 1, 3], [1, 1, 3.1], [5, 1, 1], [1, 1, 1]].map(([x, y, z]) => thickAxis([x, y, z])), [
    null,
    2,
    0,
    null,
  ]);
});

Deno.test("resampledMasks() moves outlines with the image, keeps labels apart and opens no gap between them", () => {
  const sizeVox: Triple = [20, 20, 20];
  // three wedges of a ball
  const owner = Array.from({ length: 8000 }, (_, v) => {
    const [x, y, z] = [Math.floor(v / 400) - 9.5, Math.floor(v / 20) % 20 - 9.5, v % 20 - 9.5];
    return x ** 2 + y ** 2 + z ** 2 > 64 ? -1 : Math.floor((Math.atan2(y, x) / Math.PI + 1) * 1.5) % 3;
  });
  const regions = [0, 1, 2].map((r) => Uint8Array.from(owner, (o) => Number(o === r)));
  const ball = Float32Array.from(owner, (o) => Number(o >= 0));
  const change = drawSpatial(
    { ...STRONG_AUGMENTATION, rotation: { chance: 1, degrees: 30 }, elastic: { chance: 1, voxels: 4 } },
    { size: sizeVox, spacingMm: [1, 1, 1] },
    new Random(4),
  )!;
  const points = pointsOf(change, { sizeVox, start: [0, 0, 0], size: sizeVox });
  const masks = resampledMasks(regions, sizeVox, points), whole = resampled(ball, sizeVox, points);
  for (let v = 0; v < 8000; v++) {
    assert.equal(masks.reduce((n, mask) => n + mask[v], 0), Number(whole[v] > 0.5), `voxel ${v}`);
  }
});

Deno.test("resampledMasks() keeps nested regions nested", () => {
  const inner = pattern(VOLUME).map((v) => Number(v > 0.7)), outer = pattern(VOLUME).map((v) => Number(v > 0.3));
  const points = pointsOf({ matrix: SHEARED, field: null }, PLACE);
  const [a, b] = resampledMasks([Uint8Array.from(inner), Uint8Array.from(outer)], VOLUME, points);
  assert.ok(a.includes(1) && a.every((v, i) => v <= b[i]));
});
