/** The affines of odd headers against nibabel 5.4.2 and ITK 5.4, which decided the numbers below. */
import assert from "node:assert/strict";
import { assertAllClose, type Made, makeNifti, seeded } from "../testing/fixtures.ts";
import { randomHeader } from "../testing/random_headers.ts";
import { parseHeader } from "./nifti_header.ts";
import type { VolumeHeader } from "./format.ts";

const read = (made: Made): VolumeHeader => parseHeader(makeNifti({ dims: [3, 4, 5, 6], ...made }));
const codesOf = (header: VolumeHeader) => header.doubts.map((d) => d.code);

const QFORM = { code: 1, bcd: [0.1, -0.3, 0.5], offset: [10, -20, 30] };
const PIXDIM = [1, 2, 3, 4];
/** The qform's affine by ITK and nibabel. */
const Q_AFFINE = [0.64, -2.5987, -1.5349, 10, 1.4925, 1.44, -1.845, -20, 1.1675, -0.4163, 3.2, 30, 0, 0, 0, 1];
const SROW = [2, 0, 0, 5, 0, 3, 0, 6, 0, 0, 4, 7];
const S_AFFINE = [...SROW, 0, 0, 0, 1];
const zeros = new Array<number>(12).fill(0);

Deno.test("parseHeader() agrees with nibabel on the affines and scaling of 60 random headers", async () => {
  const fixture = new URL("../testing/nibabel_affines.txt", import.meta.url);
  const rows = (await Deno.readTextFile(fixture)).trim().split("\n").map((row) => row.split(" ").map(Number));
  assert.equal(rows.length, 60);
  const random = seeded(7);
  for (const row of rows) {
    const header = read(randomHeader(random));
    assertAllClose([...header.affineRas.slice(0, 12), header.slope, header.intercept], row, 2e-4);
    assert.ok(header.positioned);
  }
});

Deno.test("parseHeader() takes the qform where the sform is zero, no number or flat, with a doubt", () => {
  const flat = [1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (
    const [rows, is] of [[zeros, "all zero"], [zeros.fill.call([...zeros], NaN), "NaN or infinity"], [
      flat,
      "flat",
    ]] as const
  ) {
    const header = read({ qform: QFORM, pixdim: PIXDIM, sform: { code: 1, rows } });
    assertAllClose(header.affineRas, Q_AFFINE, 1e-4);
    assert.ok(header.positioned);
    assert.deepEqual(header.doubts, [
      { code: "sform-unusable", detail: `sform_code is 1, but the sform is ${is}; the qform is used` },
    ]);
  }
});

Deno.test("parseHeader() finds no position where both codes are 0, or the only form is zero", () => {
  const neither = read({ pixdim: PIXDIM });
  assert.deepEqual([neither.positioned, neither.doubts], [false, []]);
  const zero = read({ pixdim: PIXDIM, sform: { code: 1, rows: zeros } });
  assert.equal(zero.positioned, false);
  assert.deepEqual(zero.affineRas, neither.affineRas);
  assert.deepEqual(zero.doubts, [
    { code: "sform-unusable", detail: "sform_code is 1, but the sform is all zero; the file has no position" },
  ]);
});

Deno.test("parseHeader() doubts a sform and a qform that disagree, and takes the sform", () => {
  const sform = { code: 4, rows: SROW };
  const turned = read({ qform: QFORM, pixdim: PIXDIM, sform });
  assertAllClose(turned.affineRas, S_AFFINE, 0);
  assert.deepEqual(turned.doubts, [{
    code: "forms-differ",
    detail: "the sform (code 4) and the qform (code 1) place the corners up to 46.8 mm apart; the sform is used",
  }]);
  const mirrored = read({
    pixdim: PIXDIM,
    qform: { code: 1, bcd: [0, 0, 0], offset: [0, 0, 0] },
    sform: { code: 1, rows: [-2, 0, 0, 6, 0, 3, 0, 0, 0, 0, 4, 0] },
  });
  assert.match(mirrored.doubts[0].detail, /up to 6 mm apart and are mirror images of each other; the sform is used$/);
  const rounded = read({
    pixdim: PIXDIM,
    qform: { code: 1, bcd: [0, 0, 0.00001], offset: [5, 6, 7.0001] },
    sform,
  });
  assert.deepEqual(rounded.doubts, []);
});

Deno.test("parseHeader() doubts a pixdim that contradicts the sform, where no qform says so already", () => {
  const sform = { code: 1, rows: SROW };
  const header = read({ sform, pixdim: [1, 1, 3, 4] });
  assertAllClose(header.affineRas, S_AFFINE, 0);
  assert.deepEqual(header.doubts, [
    { code: "pixdim-differs", detail: "the sform has voxels of 2×3×4 mm, pixdim of 1×3×4 mm; the sform is used" },
  ]);
  assert.deepEqual(read({ sform, pixdim: [1, 0, 0, 0] }).doubts, [], "no size is no contradiction");
});

Deno.test("parseHeader() reads sizes in pixdim without their signs, and 1 for zero and NaN, with a doubt", () => {
  const cases: [number, number, string][] = [
    [0, 1, "0×3×4; they are read as 1×3×4"],
    [NaN, 1, "NaN×3×4; they are read as 1×3×4"],
    [-2, 2, "-2×3×4; they are read as 2×3×4"],
  ];
  for (const [size, read1, detail] of cases) {
    const pixdim = [1, size, 3, 4];
    const expected = Q_AFFINE.map((v, i) => i < 12 && i % 4 === 0 ? v * read1 / 2 : v);
    const doubts = [{ code: "pixdim-doubtful", detail: `pixdim gives voxels of ${detail}` }];
    const header = read({ pixdim, qform: QFORM });
    assertAllClose(header.affineRas, expected, 1e-4);
    assert.deepEqual(header.doubts, doubts);
    assert.deepEqual(read({ pixdim }).doubts, doubts);
    assert.deepEqual(read({ pixdim, sform: { code: 2, rows: SROW } }).affineRas, S_AFFINE);
  }
});

Deno.test("parseHeader() shortens a quaternion as ITK does, and doubts one that is far too long", () => {
  const near = read({ pixdim: PIXDIM, qform: { code: 1, bcd: [0.6, 0.8, 0.0001], offset: [0, 0, 0] } });
  assertAllClose(
    near.affineRas.slice(0, 12),
    [-0.56, 2.88, 0.0005, 0, 1.92, 0.84, 0.0006, 0, 0.0002, 0.0005, -4, 0],
    1e-4,
  );
  assert.deepEqual(near.doubts, []);
  const long = read({ pixdim: PIXDIM, qform: { code: 1, bcd: [0.6, 0.9, 0.2], offset: [0, 0, 0] } });
  const itk = [-0.8099, 2.6777, 0.7934, 0, 1.7851, 1.0165, 1.1901, 0, 0.3967, 0.8926, -3.7355, 0];
  assertAllClose(long.affineRas.slice(0, 12), itk, 1e-4);
  assert.deepEqual(long.doubts, [{
    code: "quaternion-doubtful",
    detail: "the qform's quaternion is 1.1 long, at most 1 is possible; it is shortened",
  }]);
});

Deno.test("parseHeader() takes the sign of an odd qfac, with a doubt, and 0 as 1 without one", () => {
  const itk = [0.64, -2.5987, 1.5349, 10, 1.4925, 1.44, 1.845, -20, 1.1675, -0.4163, -3.2, 30];
  const odd = read({ pixdim: [-0.5, 2, 3, 4], qform: QFORM });
  assertAllClose(odd.affineRas.slice(0, 12), itk, 1e-4);
  assert.deepEqual(codesOf(odd), ["qfac-doubtful"]);
  const none = read({ pixdim: [0, 2, 3, 4], qform: QFORM });
  assertAllClose(none.affineRas, Q_AFFINE, 1e-4);
  assert.deepEqual(none.doubts, []);
});

Deno.test("parseHeader() keeps a shear, with a doubt from 1° on", () => {
  const sheared = (by: number) =>
    read({ pixdim: [1, 2, 3, Math.hypot(4, by)], sform: { code: 1, rows: SROW.with(6, by) } });
  assert.equal(sheared(1).affineRas[6], 1);
  assert.deepEqual(sheared(1).doubts, [
    { code: "sheared", detail: "the file's axes are up to 14.04° off right angles, as after a tilted gantry" },
  ]);
  assert.deepEqual(sheared(0.05).doubts, []);
});

Deno.test("parseHeader() believes a unit only where the voxels are a brain scan's", () => {
  const spacing = (header: VolumeHeader) => header.spacingMm.map((s) => +s.toPrecision(6));
  const cases: [units: number, size: number, mm: number, detail: string | null][] = [
    [
      3,
      1,
      1,
      "micrometres, which makes voxels of 0.001×0.001×0.001 mm, expected 0.05 to 20; they are read as 1×1×1 mm",
    ],
    [1, 1, 1, "metres, which makes voxels of 1000×1000×1000 mm, expected 0.05 to 20; they are read as 1×1×1 mm"],
    [3, 800, 0.8, null],
    [1, 0.002, 2, null],
    [0, 2, 2, null],
    [
      2,
      1000,
      1000,
      "millimetres, which makes voxels of 1000×1000×1000 mm, expected 0.05 to 20; they are read as " +
      "1000×1000×1000 mm",
    ],
    [
      1,
      50,
      50000,
      "metres, which makes voxels of 50000×50000×50000 mm, expected 0.05 to 20; they are read as " +
      "50000×50000×50000 mm",
    ],
  ];
  for (const [units, size, mm, detail] of cases) {
    for (const form of [{}, { sform: { code: 1, rows: [size, 0, 0, size, 0, size, 0, 0, 0, 0, size, 0] } }]) {
      const header = read({ units, pixdim: [1, size, size, size], ...form });
      assert.deepEqual(spacing(header), [mm, mm, mm]);
      const doubts = detail === null ? [] : [{ code: "units-doubtful", detail: `xyzt_units says ${detail}` }];
      assert.deepEqual(header.doubts, doubts);
    }
  }
  assert.deepEqual(read({ dims: [3, 4, 5, 1], pixdim: [1, 1, 1, 50] }).doubts, [], "a single slice may be thick");
});

Deno.test("parseHeader() reads a zero dimension from the fourth on as one, with a doubt", () => {
  const header = read({ dims: [5, 4, 5, 6, 1, 0, 0, 0] });
  assert.deepEqual(header.sizeVox, [4, 5, 6]);
  assert.deepEqual(header.doubts, [
    { code: "dimensions-doubtful", detail: "the dimensions are 4×5×6×1×0; the file is read as one volume" },
  ]);
  assert.deepEqual(read({ dims: [4, 4, 5, 6, 0, 0, 0, 0] }).sizeVox, [4, 5, 6]);
  assert.deepEqual(read({ dims: [3, 4, 5, 6, 0, 0, 0, 0] }).doubts, [], "not counted by dim[0]");
});
