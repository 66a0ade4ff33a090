import assert from "node:assert/strict";
import { assertAllClose, type Made, makeNifti } from "../testing/fixtures.ts";
import { type Grid, spacingAffine, VolumeError } from "../grid/grid.ts";
import { finishHeader, geometryOf, parseHeader } from "./nifti_header.ts";

const QFORM: Made = {
  pixdim: [-1, 1.5, 2, 3],
  qform: { code: 1, bcd: [0.1, -0.3, 0.5], offset: [10, -20, 30] },
};
/** nibabel's get_qform() of the same fields. */
const QFORM_AFFINE = [
  [0.47999997854232745, -1.7324515469749129, 1.151206439571974, 10],
  [1.1193386503964182, 0.9599999988079071, 1.3837355050965274, -20],
  [0.8756032242563354, -0.2775097109526975, -2.3999999552965154, 30],
  [0, 0, 0, 1],
].flat();
const SFORM = { code: 2, rows: [0, 2, 0, 5, -3, 0, 0, 6, 0, 0, 1, 7] };

Deno.test("parseHeader() takes sform, then qform, then pixdim", () => {
  const cases: { name: string; made: Made; affine: number[] }[] = [
    { name: "sform over qform", made: { ...QFORM, sform: SFORM }, affine: [...SFORM.rows, 0, 0, 0, 1] },
    {
      name: "sform over a qform of higher code",
      made: { ...QFORM, sform: { ...SFORM, code: 1 }, qform: { ...QFORM.qform!, code: 4 } },
      affine: [...SFORM.rows, 0, 0, 0, 1],
    },
    { name: "qform where sform_code is 0", made: { ...QFORM, sform: { ...SFORM, code: 0 } }, affine: QFORM_AFFINE },
    { name: "pixdim alone", made: { pixdim: [1, 2, 3, 4] }, affine: spacingAffine([2, 3, 4]) },
  ];
  for (const { name, made, affine } of cases) {
    for (const version of [1, 2] as const) {
      for (const littleEndian of [true, false]) {
        const header = parseHeader(makeNifti({ ...made, version, littleEndian }));
        assertAllClose(header.affineRas, affine, 1e-6);
        assert.deepEqual([header.nifti.version, header.littleEndian], [version, littleEndian], name);
      }
    }
  }
});

Deno.test("parseHeader() reads a qform whose quaternion is slightly too long as a half turn", () => {
  const made = { pixdim: [1, 1, 1, 1], qform: { code: 1, bcd: [0, 1.0000001, 0], offset: [0, 0, 0] } };
  assertAllClose(parseHeader(makeNifti(made)).affineRas, [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1], 1e-12);
});

Deno.test("parseHeader() converts metres and micrometres to millimetres", () => {
  const rows = [0.002, 0, 0, 0.01, 0, 0.002, 0, 0, 0, 0, 0.003, 0];
  const { spacingMm, affineRas } = parseHeader(makeNifti({ units: 1, sform: { code: 1, rows } }));
  assertAllClose(spacingMm, [2, 2, 3], 1e-6);
  assert.ok(Math.abs(affineRas[3] - 10) < 1e-6);
  assertAllClose(parseHeader(makeNifti({ units: 3 + 8, pixdim: [1, 500, 500, 900] })).spacingMm, [0.5, 0.5, 0.9], 1e-9);
});

Deno.test("parseHeader() treats slope 0, NaN and infinity as no scaling", () => {
  for (const slope of [0, NaN, Infinity]) {
    const header = parseHeader(makeNifti({ slope, inter: 5 }));
    assert.deepEqual([header.slope, header.intercept], [1, 0]);
  }
  const header = parseHeader(makeNifti({ slope: 0.5, inter: 5 }));
  assert.deepEqual([header.slope, header.intercept], [0.5, 5]);
});

Deno.test("parseHeader() refuses everything but one real 3-D volume in space, with the reason", () => {
  const flat = { code: 1, rows: [1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] };
  const nan = { code: 1, rows: [NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] };
  const cases: [Made, string][] = [
    [{ dims: [4, 2, 2, 2, 7, 1, 1, 1] }, "expected one 3-D volume, got a series of 2×2×2×7"],
    [{ dims: [3, 2, 0, 2] }, "expected positive dimensions, got 2×0×2"],
    [{ dims: [3, 2, -4, 2] }, "expected positive dimensions, got 2×-4×2"],
    [{ dims: [0, 2, 2, 2] }, "expected 1 to 7 dimensions, got 0"],
    [{ dims: [9, 2, 2, 2] }, "expected 1 to 7 dimensions, got 9"],
    [{ code: 128 }, "expected voxels of integers or floats up to 64 bits, got RGB24"],
    [{ code: 32 }, "expected voxels of integers or floats up to 64 bits, got complex64"],
    [{ code: 1536 }, "expected voxels of integers or floats up to 64 bits, got float128"],
    [{ code: 77 }, "expected voxels of integers or floats up to 64 bits, got datatype 77"],
    [{ sform: flat }, "expected an invertible sform affine, got a flat one"],
    [{ sform: nan }, "expected a finite sform affine, got NaN or infinity"],
    [{ slope: 2, inter: NaN }, "expected a finite intercept (scl_inter), got NaN"],
    [{ dataOffset: 100 }, "expected voxels from byte 352 to 16777216 on, got 100"],
    [{ magic: "ni1\0" }, "expected one .nii file, got one half of a .hdr/.img pair"],
    [{ magic: "abc\0" }, "expected the magic n+1, got another"],
  ];
  for (const [made, reason] of cases) {
    assert.throws(() => parseHeader(makeNifti(made)), new VolumeError(`Cannot read a NIfTI header: ${reason}`));
  }
  assert.throws(() => parseHeader(new Uint8Array(400)), {
    message: "Cannot read a NIfTI header: expected a NIfTI-1 or NIfTI-2 file, got something else",
  });
  assert.throws(() => parseHeader(makeNifti().subarray(0, 300)), {
    message: "Cannot read a NIfTI header: expected 348 bytes, got 300",
  });
});

Deno.test("parseHeader() takes one time point, one slice and missing trailing dimensions", () => {
  assert.deepEqual(parseHeader(makeNifti({ dims: [4, 5, 6, 7, 1, 1, 1, 1] })).sizeVox, [5, 6, 7]);
  assert.deepEqual(parseHeader(makeNifti({ dims: [2, 5, 6, 0, 0, 0, 0, 0] })).sizeVox, [5, 6, 1]);
});

Deno.test("parseHeader() keeps no free text", () => {
  for (const version of [1, 2] as const) {
    const header = parseHeader(makeNifti({ version, text: "JaneDoe" }));
    assert.ok(!new TextDecoder("latin1").decode(header.nifti.raw).includes("Jane"));
  }
});

/** The header of a new file on a grid. */
const headerOf = ({ sizeVox, affineRas }: Grid) =>
  finishHeader(geometryOf({ sizeVox, affineRas }), { sizeVox, type: "float32" });

Deno.test("geometryOf() describes the grid it was made for", () => {
  const affineRas = [0, -2, 0, 5, 3, 0, 0, 6, 0, 0, 4, 7, 0, 0, 0, 1];
  const header = parseHeader(headerOf({ sizeVox: [4, 5, 6], affineRas }));
  assert.deepEqual(header.sizeVox, [4, 5, 6]);
  assert.deepEqual(header.affineRas, affineRas);
  assert.deepEqual(header.spacingMm, [3, 2, 4]);
});

Deno.test("finishHeader() refuses sizes that NIfTI-1 cannot hold", () => {
  assert.throws(() => headerOf({ sizeVox: [40000, 1, 1], affineRas: spacingAffine([1, 1, 1]) }), {
    name: "RangeError",
    message: "Cannot write a NIfTI-1 header: expected sizes 1…32767, got 40000×1×1",
  });
});
