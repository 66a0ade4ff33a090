import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { type Made, makeNifti } from "../testing/fixtures.ts";
import { spacingAffine } from "../grid/grid.ts";
import { readVolume } from "./formats.ts";
import { writeNifti } from "./nifti_write.ts";

const GEOMETRY: Made = {
  dims: [3, 2, 3, 4, 1, 1, 1, 1],
  values: Array.from({ length: 24 }, (_, i) => i),
  pixdim: [-1, 1.5, 2.25, 3.125, 0.25, 0, 0, 0],
  units: 10,
  qform: { code: 1, bcd: [0.1, -0.3, 0.5], offset: [10, -20, 30] },
  sform: { code: 4, rows: [0, 2, 0, 5, -3, 0, 0, 6, 0, 0, 1, 7] },
  slope: 3,
  inter: 1,
  text: "JaneDoe",
};

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The bytes of pixdim, units, codes, quaternion and srow. */
function geometryBytes(file: Uint8Array, version: 1 | 2): number[] {
  const ranges = version === 1
    ? [[76, 108], [123, 124], [252, 256], [256, 280], [280, 328]]
    : [[104, 168], [500, 504], [344, 352], [352, 400], [400, 496]];
  return ranges.flatMap(([a, b]) => [...file.subarray(a, b)]);
}

Deno.test("writeNifti() copies the geometry fields byte by byte and nothing that names a patient", async () => {
  await inFolder(async (folder) => {
    for (const version of [1, 2] as const) {
      const source = makeNifti({ ...GEOMETRY, version });
      const { header } = await readVolume(source);
      const data = Uint8Array.from({ length: 24 }, (_, i) => i % 5);
      await writeNifti(`${folder}/mask.nii.gz`, { data, grid: header });
      const written = gunzipSync(await Deno.readFile(`${folder}/mask.nii.gz`));
      assert.deepEqual(geometryBytes(written, version), geometryBytes(source, version));
      assert.ok(!new TextDecoder("latin1").decode(written).includes("Jane"));
      assert.ok(new TextDecoder("latin1").decode(source).includes("Jane"));
      const back = await readVolume(written);
      assert.deepEqual(back.affineRas, header.affineRas);
      assert.deepEqual([back.header.slope, back.header.intercept, back.header.datatype.name], [1, 0, "uint8"]);
      assert.deepEqual([...back.data], [...data]);
    }
  });
});

Deno.test("writeNifti() writes a big-endian source's geometry little-endian, with the same values", async () => {
  await inFolder(async (folder) => {
    for (const version of [1, 2] as const) {
      const { header } = await readVolume(makeNifti({ ...GEOMETRY, version, littleEndian: false }));
      await writeNifti(`${folder}/mask.nii`, { data: new Uint8Array(24), grid: header });
      const written = await Deno.readFile(`${folder}/mask.nii`);
      assert.deepEqual(
        geometryBytes(written, version),
        geometryBytes(makeNifti({ ...GEOMETRY, version }), version),
      );
      assert.deepEqual((await readVolume(written)).header.littleEndian, true);
    }
  });
});

Deno.test("writeNifti() writes float32, int16 and uint16, and slabs in the right order", async () => {
  await inFolder(async (folder) => {
    const grid = { sizeVox: [3, 2, 37], affineRas: spacingAffine([1, 2, 3]) } as const;
    const values = Array.from({ length: 222 }, (_, i) => i * 7 - 300);
    const kinds = [
      Float32Array.from(values),
      Int16Array.from(values),
      Uint16Array.from(values, (_, i) => 65535 - i),
    ];
    for (const data of kinds) {
      await writeNifti(`${folder}/v.nii.gz`, { data, grid });
      assert.deepEqual([...(await readVolume(`${folder}/v.nii.gz`)).data], [...data]);
    }
  });
});

Deno.test("writeNifti() writes components as a fourth dimension, one volume after the other", async () => {
  await inFolder(async (folder) => {
    const grid = { sizeVox: [2, 1, 3], affineRas: spacingAffine([1, 1, 1]) } as const;
    const data = Uint8Array.from({ length: 12 }, (_, i) => i);
    await writeNifti(`${folder}/v.nii`, { data, grid, components: 2 });
    const bytes = await Deno.readFile(`${folder}/v.nii`);
    const dim = [...new Int16Array(bytes.buffer.slice(40, 56))];
    assert.deepEqual(dim, [4, 2, 1, 3, 2, 1, 1, 1]);
    assert.deepEqual([...bytes.subarray(352)], [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    await assert.rejects(readVolume(bytes), { message: /got a series of 2×1×3×2$/ });
  });
});

Deno.test("writeNifti() leaves the old file and no temporary one when it fails", async () => {
  await inFolder(async (folder) => {
    const grid = { sizeVox: [2, 2, 2], affineRas: spacingAffine([1, 1, 1]) } as const;
    await Deno.mkdir(`${folder}/JaneDoe.nii.gz`);
    await assert.rejects(writeNifti(`${folder}/JaneDoe.nii.gz`, { data: new Uint8Array(8), grid }), {
      message: "Cannot write a volume: the file cannot be written (EISDIR)",
    });
    assert.deepEqual([...Deno.readDirSync(folder)].map((e) => e.name), ["JaneDoe.nii.gz"]);
  });
});

Deno.test("writeNifti() refuses data that does not fit the header's grid", async () => {
  const affineRas = spacingAffine([1, 1, 1]);
  const data = new Uint8Array(24);
  await assert.rejects(writeNifti("/nowhere/x.nii.gz", { data, grid: { sizeVox: [4, 3, 1], affineRas } }), {
    name: "RangeError",
    message: "Cannot write a volume: expected 12 voxels, got 24",
  });
  await assert.rejects(
    writeNifti("/nowhere/x.nii.gz", { data, grid: { sizeVox: [2, 3, 4], affineRas }, components: 2 }),
    {
      message: "Cannot write a volume: expected 48 voxels, got 24",
    },
  );
  const folder = await Deno.makeTempDir();
  try {
    const many = { data: new Uint8Array(40000), grid: { sizeVox: [1, 1, 1], affineRas }, components: 40000 } as const;
    await assert.rejects(writeNifti(`${folder}/x.nii.gz`, many), {
      message: "Cannot write a NIfTI-1 header: expected sizes 1…32767, got 1×1×1, 40000 components",
    });
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder);
  }
});
