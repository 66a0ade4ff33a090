import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, gunzipSync, gzipSync } from "node:zlib";
import { type Made, makeNifti, seeded } from "../testing/fixtures.ts";
import { spacingAffine, VolumeError, voxelsOf } from "../grid/grid.ts";
import { isVolumeStart, readVolume, readVolumeHeader, splitVolumePath, writeVolume } from "./formats.ts";

/** 2×3×4 voxels, x fastest in the file: value = x + 2y + 6z. */
const dims = [3, 2, 3, 4, 1, 1, 1, 1];
const values = Array.from({ length: 24 }, (_, i) => i);
/** The same in C order. */
const inCOrder = [0, 1].flatMap((x) => [0, 1, 2].flatMap((y) => [0, 1, 2, 3].map((z) => x + 2 * y + 6 * z)));

const CODES: Record<string, number> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
  int64: 1024,
  uint64: 1280,
};

Deno.test("readVolume() reads every datatype, byte order and version, plain and gzipped, into C order", async () => {
  for (const [name, code] of Object.entries(CODES)) {
    for (const version of [1, 2] as const) {
      for (const littleEndian of [true, false]) {
        const bytes = makeNifti({ version, littleEndian, code, dims, values });
        for (const source of [bytes, gzipSync(bytes)]) {
          const { data, sizeVox, header, nonFiniteVoxels } = await readVolume(source);
          assert.deepEqual([...data], inCOrder, `${name}, version ${version}, little-endian ${littleEndian}`);
          assert.deepEqual(sizeVox, [2, 3, 4]);
          assert.equal(header.datatype.name, name);
          assert.equal(nonFiniteVoxels, 0);
        }
      }
    }
  }
});

Deno.test("readVolume() reads the extremes of integer types", async () => {
  const cases: [number, number, number][] = [
    [256, -128, 127],
    [4, -32768, 32767],
    [512, 0, 65535],
    [8, -(2 ** 31), 2 ** 30],
    [768, 0, 2 ** 31],
    [1024, -(2 ** 40), 2 ** 40],
    [1280, 0, 2 ** 52],
  ];
  for (const [code, low, high] of cases) {
    for (const littleEndian of [true, false]) {
      const { data } = await readVolume(makeNifti({ code, littleEndian, dims: [3, 2, 1, 1], values: [low, high] }));
      assert.deepEqual([...data], [low, high], `code ${code}`);
    }
  }
});

Deno.test("readVolume() turns volumes with more slices than a slab", async () => {
  const size = [3, 2, 37];
  const many = Array.from({ length: 3 * 2 * 37 }, (_, i) => i % 251);
  const { data } = await readVolume(makeNifti({ code: 2, dims: [3, ...size], values: many }));
  for (let i = 0; i < many.length; i++) {
    const [x, y, z] = [i % 3, Math.floor(i / 3) % 2, Math.floor(i / 6)];
    assert.equal(data[(x * 2 + y) * 37 + z], many[i]);
  }
});

Deno.test("readVolume() applies slope and intercept in float64", async () => {
  const made: Made = { code: 8, dims: [3, 2, 1, 1], values: [16777217, -3], slope: 0.5, inter: 100 };
  assert.deepEqual([...(await readVolume(makeNifti(made))).data], [8388708.5, 98.5].map(Math.fround));
});

Deno.test("readVolume() replaces NaN and infinity by 0 and counts them", async () => {
  const made: Made = { code: 64, dims: [3, 5, 1, 1], values: [NaN, 1, Infinity, -Infinity, 1e300] };
  const { data, nonFiniteVoxels } = await readVolume(makeNifti(made));
  assert.deepEqual([...data], [0, 1, 0, 0, 0]);
  assert.equal(nonFiniteVoxels, 4);
});

Deno.test("readVolume() skips header extensions", async () => {
  const bytes = makeNifti({ dims, values, dataOffset: 1024 });
  bytes.fill(0xff, 348, 1024);
  assert.deepEqual([...(await readVolume(bytes)).data], inCOrder);
});

Deno.test("readVolume() reads several gzip members as one file", async () => {
  const bytes = makeNifti({ dims, values });
  const parts = Buffer.concat([gzipSync(bytes.subarray(0, 200)), gzipSync(bytes.subarray(200))]);
  assert.deepEqual([...(await readVolume(parts)).data], inCOrder);
});

Deno.test("readVolume() leaves alone what follows the last gzip member, as ITK and nibabel do", async () => {
  const noise = Array.from({ length: 24000 }, (_, i) => Math.sin(i * i));
  for (const made of [{ dims, values }, { dims: [3, 20, 30, 40], values: noise }]) {
    const zipped = gzipSync(makeNifti(made));
    const { data } = await readVolume(zipped);
    const tails = {
      "one byte": [7],
      "zeros to a block": new Uint8Array(512),
      "a megabyte of text": Buffer.alloc(2 ** 20, "x"),
      "the start of a member": [0x1f, 0x8b],
      "a member that is none": [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 200, 100, 4, 3, 2],
      "an empty member": gzipSync(new Uint8Array(0)),
    };
    for (const [name, tail] of Object.entries(tails)) {
      const back = await readVolume(Buffer.concat([zipped, Uint8Array.from(tail)]));
      assert.deepEqual(back.data, data, name);
    }
  }
});

Deno.test("readVolume() reads gzip members with every optional field of their headers", async () => {
  const bytes = makeNifti({ dims, values });
  const plain = gzipSync(bytes);
  const fields = Buffer.from("\x05\0extra" + "name\0" + "comment\0", "latin1");
  const head = Buffer.concat([plain.subarray(0, 3), Uint8Array.of(2 + 4 + 8 + 16), plain.subarray(4, 10), fields]);
  const checksum = crc32(head);
  const member = Buffer.concat([head, Uint8Array.of(checksum & 255, checksum >> 8 & 255), plain.subarray(10)]);
  assert.deepEqual(gunzipSync(member), Buffer.from(bytes));
  assert.deepEqual([...(await readVolume(member)).data], inCOrder);
});

Deno.test("readVolume() answers 300 damaged gzip files with the volume or a VolumeError, never with another volume", async () => {
  const random = seeded(5);
  const bytes = makeNifti({
    code: 2,
    dims: [3, 20, 30, 40],
    values: Array.from({ length: 24000 }, (_, i) => i * i % 251),
  });
  const { data } = await readVolume(bytes);
  const members = [gzipSync(bytes.subarray(0, 9000)), gzipSync(bytes.subarray(9000))];
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const whole = Buffer.from(Buffer.concat(members));
    const at = 10 + Math.floor(random() * (whole.length - 10));
    if (round % 2 === 0) whole[at] ^= 1 << Math.floor(random() * 8);
    const file = round % 2 === 0 ? whole : whole.subarray(0, at);
    try {
      assert.deepEqual((await readVolume(file)).data, data, `round ${round}, byte ${at}`);
    } catch (error) {
      assert.ok(error instanceof VolumeError, `round ${round}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > 250, `${refused} refused`);
});

Deno.test("readVolume() reports how many bytes a short file should have", async () => {
  const bytes = makeNifti({ dims, values });
  const short = bytes.subarray(0, bytes.length - 6);
  const message = "Cannot read a volume: expected 96 bytes of voxels, got at most 90";
  await assert.rejects(readVolume(short), new VolumeError(message));
  await assert.rejects(readVolume(gzipSync(short)), new VolumeError(message));
  // Only the header: the claim is refused before memory is taken.
  await assert.rejects(readVolume(makeNifti({ dims: [3, 500, 500, 500] })), {
    message: "Cannot read a volume: expected 500000000 bytes of voxels, got at most 0",
  });
});

Deno.test("readVolume() refuses gzip data that is cut or damaged", async () => {
  const noise = Array.from({ length: 24000 }, (_, i) => Math.sin(i * i));
  const zipped = gzipSync(makeNifti({ dims: [3, 20, 30, 40], values: noise }));
  await assert.rejects(readVolume(zipped.subarray(0, zipped.length / 2)), {
    name: "VolumeError",
    message: /^Cannot read a volume: expected 96000 bytes of voxels, got at most \d+$/,
  });
  const damaged = Buffer.from(zipped);
  damaged.fill(0x55, zipped.length / 2, zipped.length / 2 + 64);
  await assert.rejects(readVolume(damaged), { name: "VolumeError", message: /^Cannot read a volume: expected / });
});

Deno.test("readVolume() stops inflating shortly after the voxels that the header promises", async () => {
  const noise = Uint8Array.from({ length: 2 ** 22 }, (_, i) => Math.sin(i * i) * 128);
  const zipped = gzipSync(Buffer.concat([makeNifti({ dims, values }), noise]));
  // Inflating to the end would meet damage.
  zipped.fill(0x55, zipped.length - 2 ** 20, zipped.length - 2 ** 19);
  assert.throws(() => gunzipSync(zipped));
  await assert.rejects(readVolume(zipped), {
    name: "VolumeError",
    message: "Cannot read a volume: expected 96 bytes of voxels, got far more",
  });
});

Deno.test("readVolume() ignores a little padding after the voxels", async () => {
  const padded = Buffer.concat([makeNifti({ dims, values }), new Uint8Array(99)]);
  assert.deepEqual([...(await readVolume(padded)).data], inCOrder);
});

Deno.test("readVolume() checks the gzip checksum", async () => {
  const zipped = gzipSync(makeNifti({ dims, values }));
  zipped[zipped.length - 6] ^= 1;
  await assert.rejects(readVolume(zipped), {
    name: "VolumeError",
    message: "Cannot read a volume: expected whole gzip data, got damaged data",
  });
});

Deno.test("readVolume() refuses volumes of absurdly many voxels", async () => {
  await assert.rejects(readVolume(makeNifti({ dims: [3, 2 ** 10, 2 ** 10, 2 ** 8 + 1] })), {
    message: "Cannot read a volume: expected at most 268435456 voxels, got 1024×1024×257",
  });
  const huge = makeNifti({ version: 2, dims: [3, 2 ** 40, 2 ** 40, 2 ** 40] });
  await assert.rejects(readVolume(huge), { message: /expected at most 268435456 voxels/ });
});

Deno.test("readVolumeHeader() reads the header of a file without its body", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, gzipSync(makeNifti({ dims, code: 512 })));
    const header = await readVolumeHeader(path);
    assert.deepEqual([header.sizeVox, header.datatype.name], [[2, 3, 4], "uint16"]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readVolume() never quotes a file's name", async () => {
  await assert.rejects(readVolume("/nowhere/JaneDoe.nii.gz"), (error: Error) => {
    assert.equal(error.message, "Cannot read a volume: the file cannot be opened (ENOENT)");
    assert.ok(!Deno.inspect(error).includes("/nowhere"));
    return true;
  });
  const folder = await Deno.makeTempDir({ prefix: "JaneDoe" });
  try {
    await assert.rejects(readVolume(folder), (error: Error) => !Deno.inspect(error).includes("JaneDoe"));
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("readVolume() refuses files of no known format by what they are, empty ones too", async () => {
  const text = (words: string) => Buffer.from(words.padEnd(200, " "), "latin1");
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), "an empty file"],
    [Uint8Array.of(0x5c, 1), "something else"],
    [text("hello, no volume"), "text"],
    [text("\0".repeat(128) + "DICM"), "a DICOM file: convert its series, with dcm2niix for example"],
    [text("NRRD0004\ntype: float"), "an NRRD file"],
    [text("\0\0\0\x01\0\0\x01\0"), "an MGH file (.mgh or .mgz): convert it, with mri_convert for example"],
    [text("<!DOCTYPE html><title>Log in</title>"), "a web page, as failed downloads are"],
    [text("version https://git-lfs.github.com/spec/v1\noid"), "a pointer to a file that Git LFS has not fetched"],
    [gzipSync(makeNifti({ dims, values })), "a file that was gzipped twice: unpack it once"],
  ];
  for (const [content, got] of cases) {
    for (const source of got.includes("twice") ? [gzipSync(content)] : [content, gzipSync(content)]) {
      await assert.rejects(readVolume(source), {
        name: "VolumeError",
        message: `Cannot read a volume: expected a NIfTI file (.nii or .nii.gz), got ${got}`,
      });
    }
  }
});

Deno.test("isVolumeStart() knows NIfTI in either byte order and gzip, and nothing else", () => {
  const starts = [[0x5c, 1, 0, 0], [0, 0, 1, 0x5c], [0x1c, 2, 0, 0], [0, 0, 2, 0x1c], [0x1f, 0x8b, 8, 0]];
  assert.deepEqual(starts.map((s) => isVolumeStart(Uint8Array.from(s))), starts.map(() => true));
  for (const s of [[], [0x5c, 1], [0x50, 0x4b, 3, 4]]) assert.ok(!isVolumeStart(Uint8Array.from(s)), s.join());
});

Deno.test("splitVolumePath() takes a volume's ending off a path, and is null for other files", () => {
  assert.deepEqual(splitVolumePath("a.b/t1.nii.gz"), { stem: "a.b/t1", ending: ".nii.gz" });
  assert.deepEqual(splitVolumePath("t1.nii"), { stem: "t1", ending: ".nii" });
  assert.deepEqual(splitVolumePath("P1/T1.NII.GZ"), { stem: "P1/T1", ending: ".nii.gz" });
  assert.deepEqual(["t1.gz", "nii", "t1.nii.txt"].map(splitVolumePath), [null, null, null]);
});

Deno.test("writeVolume() refuses a name whose ending no format writes, without quoting it", async () => {
  const grid = { sizeVox: [1, 1, 1], affineRas: spacingAffine([1, 1, 1]) } as const;
  await assert.rejects(writeVolume("/nowhere/JaneDoe.mgz", { data: new Uint8Array(1), grid }), {
    name: "RangeError",
    message: "Cannot write a volume: expected the name of a NIfTI file (.nii or .nii.gz), got another",
  });
});

Deno.test("readVolume() answers 2000 damaged headers with a volume or a VolumeError, never anything else", async () => {
  const random = seeded(31);
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const version = round % 2 === 0 ? 1 : 2;
    const bytes = makeNifti({ version, dims, values, littleEndian: round % 4 < 2 });
    const fixed = version === 1 ? 352 : 544;
    for (let k = 0; k < 1 + round % 7; k++) bytes[Math.floor(random() * fixed)] = Math.floor(random() * 256);
    try {
      const { data, sizeVox, affineRas } = await readVolume(bytes);
      assert.equal(data.length, voxelsOf(sizeVox));
      assert.ok(affineRas.every(Number.isFinite) && data.every(Number.isFinite));
    } catch (error) {
      assert.ok(error instanceof VolumeError, `round ${round}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > 100 && refused < 1900, `${refused} refused`);
});
