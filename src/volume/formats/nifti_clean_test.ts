import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { cleanVolume, readVolume } from "./formats.ts";
import { HEADER_BYTES, LEAST_OFFSET } from "./nifti_header.ts";
import { writeNifti } from "./nifti_write.ts";

const CANARY = "DOE^JANE^19700101";

/** A volume with a canary in every place where a file holds text, and its voxels. */
async function written(folder: string, version: 1 | 2, isGzip: boolean): Promise<{ path: string; voxels: number[] }> {
  const path = `${folder}/source.nii`;
  const data = Float32Array.from({ length: 24 }, (_, i) => i * 1.5);
  const raw = new Uint8Array(HEADER_BYTES[version]), view = new DataView(raw.buffer);
  for (let i = 0; i < 3; i++) {
    if (version === 1) view.setFloat32(76 + 4 * (i + 1), 2, true), view.setFloat32(280 + 20 * i, 2, true);
    else view.setFloat64(104 + 8 * (i + 1), 2, true), view.setFloat64(400 + 40 * i, 2, true);
  }
  if (version === 1) view.setInt16(254, 1, true);
  else view.setInt32(348, 1, true);
  const affineRas = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  await writeNifti(path, { data, grid: { sizeVox: [2, 3, 4], affineRas, nifti: { version, raw } } });
  const plain = await Deno.readFile(path), text = new TextEncoder().encode(CANARY);
  for (const at of version === 1 ? [4, 14, 148, 228, 328] : [240, 320, 508, 525]) {
    plain.set(text.subarray(0, version === 1 && at === 4 ? 10 : 15), at);
  }
  const [least, extension] = [LEAST_OFFSET[version], 64];
  const long = new Uint8Array(plain.length + extension + 20);
  long.set(plain.subarray(0, least));
  long[HEADER_BYTES[version]] = 1; // an extension follows
  long.set(text, least + 8);
  long.set(plain.subarray(least), least + extension);
  long.set(text, plain.length + extension); // and something after the voxels
  const offset = new DataView(long.buffer);
  if (version === 1) offset.setFloat32(108, least + extension, true);
  else offset.setBigInt64(168, BigInt(least + extension), true);
  if (isGzip) {
    const zipped = gzipSync(long), name = new TextEncoder().encode(`${CANARY}.nii\0`);
    const named = new Uint8Array(zipped.length + name.length); // the name that gzip keeps
    named.set(zipped.subarray(0, 10));
    named[3] = 8;
    named.set(name, 10);
    named.set(zipped.subarray(10), 10 + name.length);
    await Deno.writeFile(path, named);
  } else await Deno.writeFile(path, long);
  return { path, voxels: [...(await readVolume(path)).data] };
}

for (const version of [1, 2] as const) {
  for (const isGzip of [false, true]) {
    Deno.test(`cleanVolume() keeps voxels and geometry and no text of NIfTI-${version}${isGzip ? ", gzipped" : ""}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        const { path, voxels } = await written(folder, version, isGzip);
        const before = await readVolume(path);
        assert.ok(text(await Deno.readFile(path)).includes("DOE"));
        await cleanVolume(path, `${folder}/clean`);
        const bytes = await Deno.readFile(`${folder}/clean`);
        assert.ok(!text(bytes).includes("DOE"));
        assert.equal(bytes[0] === 0x1f, isGzip);
        const after = await readVolume(`${folder}/clean`);
        assert.deepEqual([...after.data], voxels);
        assert.deepEqual([after.sizeVox, after.affineRas], [before.sizeVox, before.affineRas]);
        assert.deepEqual(after.header.nifti, before.header.nifti);
        assert.equal(after.header.dataOffset, LEAST_OFFSET[version]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

/** A file's bytes as text, and what they hold once inflated. */
function text(bytes: Uint8Array): string {
  const latin = new TextDecoder("latin1");
  return latin.decode(bytes) + (bytes[0] === 0x1f ? latin.decode(gunzipSync(bytes)) : "");
}

Deno.test("cleanVolume() refuses a volume that is cut short", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { path } = await written(folder, 1, false);
    await Deno.truncate(path, 430);
    await assert.rejects(cleanVolume(path, `${folder}/clean`), /expected \d+ bytes of voxels more, got none/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
