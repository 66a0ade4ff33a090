import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { unzipSync, zipSync } from "fflate";
import { type RawEntry, rawZip } from "../testing/zip.ts";
import { refusal } from "../testing/refusal.ts";
import { ZipReader } from "./zip_reader.ts";
import { writeZip } from "./zip_writer.ts";

const LIMITS = { maxEntries: 4, maxTotalBytes: 2 ** 22, maxRatio: 50 };
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function unzip(zip: Uint8Array): Promise<Record<string, string>> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, zip);
    using reader = await ZipReader.open(path, LIMITS);
    const found: Record<string, string> = {};
    for (const entry of reader.entries) found[entry.name] = await new Response(await reader.read(entry)).text();
    return found;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("ZipReader reads stored and deflated entries of another program's zip", async () => {
  const long = "brain ".repeat(30_000);
  const zip = zipSync({ "a.txt": [bytesOf("stored"), { level: 0 }], "b/c.txt": [bytesOf(long), { level: 6 }] });
  assert.deepEqual(await unzip(zip), { "a.txt": "stored", "b/c.txt": long });
});

Deno.test("ZipReader reads an empty archive and passes over folder entries", async () => {
  assert.deepEqual(await unzip(zipSync({})), {});
  assert.deepEqual(await unzip(rawZip([{ name: "folder/", content: new Uint8Array() }])), {});
});

Deno.test("ZipReader takes backslashes for separators of folders", async () => {
  const zip = rawZip([
    { name: "a\\", content: new Uint8Array() },
    { name: "a\\b c.txt", content: bytesOf("x") },
    { name: "a\\d/e.txt", content: bytesOf("y") },
  ]);
  assert.deepEqual(await unzip(zip), { "a/b c.txt": "x", "a/d/e.txt": "y" });
});

Deno.test("ZipReader reads sizes from a ZIP64 archive", async () => {
  assert.deepEqual(await unzip(zip64("a.txt", bytesOf("long ago"))), { "a.txt": "long ago" });
});

Deno.test("writeZip() writes an archive of the announced length that another program reads", async () => {
  const content = { "manifest.json": "{}", "templates/ü.nii.gz": "x".repeat(70_000) };
  const { bytes, stream } = writeZip(
    Object.entries(content).map(([name, text]) => ({
      name,
      bytes: bytesOf(text).length,
      crc32: crc32(bytesOf(text)),
      open: () => Promise.resolve(new Blob([text]).stream()),
    })),
  );
  const zip = new Uint8Array(await new Response(stream).arrayBuffer());
  assert.equal(zip.length, bytes);
  const read = Object.entries(unzipSync(zip)).map(([name, b]) => [name, new TextDecoder().decode(b)]);
  assert.deepEqual(Object.fromEntries(read), content);
  assert.deepEqual(await unzip(zip), content);
});

Deno.test("writeZip() refuses 4 GiB", () => {
  const source = { name: "a", bytes: 2 ** 32, crc32: 0, open: () => Promise.resolve(new Blob([]).stream()) };
  assert.throws(() => writeZip([source]), { name: "RangeError", message: /expected less than 4 GiB/ });
});

const entry = (name: string | Uint8Array, lie?: RawEntry["lie"]): RawEntry => ({ name, content: bytesOf("abc"), lie });
const bomb: RawEntry = { name: "bomb", content: new Uint8Array(2 ** 21), deflate: true };
const UNSAFE: Record<string, { entries: RawEntry[]; code?: string; message: RegExp }> = {
  "a name that climbs out": { entries: [entry("../evil")], message: /a file name is unsafe/ },
  "a name that climbs out later": { entries: [entry("a/../../evil")], message: /a file name is unsafe/ },
  "an absolute name": { entries: [entry("/etc/evil")], message: /a file name is unsafe/ },
  "a backslash that climbs out": { entries: [entry("a\\..\\..\\evil")], message: /a file name is unsafe/ },
  "a backslash at the root": { entries: [entry("\\evil")], message: /a file name is unsafe/ },
  "a server of Windows": { entries: [entry("\\\\host\\evil")], message: /a file name is unsafe/ },
  "one name with both separators": { entries: [entry("a/b"), entry("a\\b")], message: /same name/ },
  "a drive letter": { entries: [entry("c:evil")], message: /a file name is unsafe/ },
  "a NUL": { entries: [entry("a\0b")], message: /a file name is unsafe/ },
  "a folder that climbs out": { entries: [entry("../")], message: /a file name is unsafe/ },
  "an empty name": { entries: [entry("")], message: /a file name is unsafe/ },
  "a name that is not UTF-8": { entries: [entry(new Uint8Array([0xff]))], message: /not UTF-8/ },
  "two files of one name": { entries: [entry("a"), entry("a")], message: /same name/ },
  "two names that differ in case": { entries: [entry("a"), entry("A")], message: /same name/ },
  "a file that is also a folder": { entries: [entry("a"), entry("a/b")], message: /a file and a folder/ },
  "a link": { entries: [entry("a", { unixMode: 0o120777 })], message: /a link/ },
  "an encrypted file": { entries: [entry("a", { flags: 1 })], message: /encrypted/ },
  "an unknown method": { entries: [entry("a", { method: 12 })], message: /method/ },
  "two sizes": { entries: [entry("a", { bytes: 4 })], message: /two sizes/ },
  "entries over each other": { entries: [entry("a"), entry("b", { offset: 0 })], message: /share the same bytes/ },
  "an entry behind the end": { entries: [entry("a", { offset: 1000 })], message: /runs into the directory/ },
  "a bomb": { entries: [bomb], message: /far more than its packed size/ },
  "a bomb that lies about its size": { entries: [{ ...bomb, lie: { bytes: 1000 } }], message: /longer than listed/ },
  "a wrong checksum": { entries: [entry("a", { crc32: 1 })], message: /a file is damaged/ },
  "a short file": {
    entries: [{ name: "a", content: bytesOf("abc"), deflate: true, lie: { bytes: 4 } }],
    message: /a file is damaged/,
  },
  "too many files": { entries: ["a", "b", "c", "d", "e"].map((n) => entry(n)), code: "too-large", message: /4 files/ },
  "too many bytes": {
    entries: [{ name: "a", content: bytesOf("abc"), deflate: true, lie: { bytes: 2 ** 23 } }],
    code: "too-large",
    message: /unpacks to 8388608 bytes/,
  },
};

for (const [name, { entries, code = "invalid-archive", message }] of Object.entries(UNSAFE)) {
  Deno.test(`ZipReader refuses ${name}`, async () => {
    await assert.rejects(unzip(rawZip(entries)), refusal(code, message));
  });
}

Deno.test("ZipReader refuses other bytes, and a zip cut anywhere", async () => {
  await assert.rejects(unzip(bytesOf("no zip at all")), refusal("invalid-archive", /no end record/));
  await assert.rejects(unzip(new Uint8Array()), refusal("invalid-archive", /no end record/));
  const whole = rawZip([entry("a"), entry("b")]);
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(unzip(whole.subarray(0, length)), refusal("invalid-archive", /Cannot read the zip/));
  }
});

Deno.test("ZipReader never fails otherwise than with a refusal on damaged bytes", async () => {
  const whole = rawZip([entry("a"), { ...entry("b"), deflate: true }]);
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.slice();
    damaged[at] ^= 0xff;
    await unzip(damaged).catch((error) => {
      assert.equal(error.name, "DomainError", `byte ${at}: ${error}`);
      refused++;
    });
  }
  assert.ok(refused > whole.length / 2, `only ${refused} of ${whole.length} damages were noticed`);
});

/** One stored file whose sizes and directory position stand in ZIP64 fields. */
function zip64(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const plain = rawZip([{ name, content }]);
  const localBytes = 30 + name.length + content.length;
  const view = new DataView(plain.buffer);
  const big = (...values: number[]) => new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer);
  const extra = new Uint8Array([1, 0, 16, 0, ...big(content.length, content.length)]);
  view.setUint32(localBytes + 20, 0xffffffff, true);
  view.setUint32(localBytes + 24, 0xffffffff, true);
  view.setUint16(localBytes + 30, extra.length, true);
  const central = new Uint8Array([...plain.subarray(localBytes, localBytes + 46 + name.length), ...extra]);
  const end64 = new Uint8Array([0x50, 0x4b, 6, 6, ...big(44), 45, 0, 45, 0, ...new Uint8Array(8), ...big(1, 1)]);
  const place = big(central.length, localBytes);
  const locator = new Uint8Array([0x50, 0x4b, 6, 7, 0, 0, 0, 0, ...big(localBytes + central.length), 1, 0, 0, 0]);
  const end = plain.slice(-22);
  new DataView(end.buffer).setUint32(16, 0xffffffff, true);
  return new Uint8Array([...plain.subarray(0, localBytes), ...central, ...end64, ...place, ...locator, ...end]);
}
