/** What is fuzzed: each target takes a damaged input and must read or refuse it, in words, and in bounded time. */
import { readFileSync } from "node:fs";
import { tinyNifti } from "../../src/datasets/testing/cases.ts";
import { importModel } from "../../src/graph/mod.ts";
import { parseManifest } from "../../src/registry/mod.ts";
import { parseCsv, ZipReader } from "../../src/storage/mod.ts";
import { rawZip } from "../../src/storage/testing/zip.ts";
import { decodeSafetensors, type Random } from "../../src/tensor/mod.ts";
import { readVolume } from "../../src/volume/mod.ts";
import { unpickle } from "../../src/weights/formats/pickle.ts";

export interface Target {
  readonly name: string;
  /** Good inputs, which are damaged. */
  readonly seeds: () => Promise<readonly Uint8Array[]>;
  readonly read: (bytes: Uint8Array<ArrayBuffer>) => unknown;
  /** How they are damaged. Default: anywhere. */
  readonly damage?: (bytes: Uint8Array, random: Random) => Uint8Array<ArrayBuffer>;
}

const fixture = (name: string) => readFileSync(new URL(`../../tests/fixtures/${name}`, import.meta.url));
const text = (value: string) => new TextEncoder().encode(value);

const ZIP_LIMITS = { maxEntries: 100, maxTotalBytes: 1e7, maxRatio: 200 } as const;

/** `{"a": 1, "b": [1, 2]}` in protocol 2. */
const PICKLE = "\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01X\x01\x00\x00\x00bq\x02]q\x03(K\x01K\x02eu.";

function safetensors(): Uint8Array {
  const header = '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  return Uint8Array.from([header.length, 0, 0, 0, 0, 0, 0, 0, ...text(header), 0, 0, 0, 0, 0, 0, 0, 0]);
}

export const FILE_TARGETS: readonly Target[] = [
  {
    name: "volume",
    seeds: async () => [await tinyNifti(), await tinyNifti({ values: [0, 1, 2, 3] })],
    read: readVolume,
  },
  {
    name: "onnx",
    seeds: () =>
      Promise.resolve(
        ["hand11.onnx", "hand13.onnx", "foreign/if.onnx"].map(fixture),
      ),
    read: (bytes) => importModel(bytes),
  },
  {
    name: "safetensors",
    seeds: () => Promise.resolve([safetensors()]),
    read: (bytes) => decodeSafetensors(bytes),
  },
  {
    name: "pickle",
    seeds: () => Promise.resolve([Uint8Array.from(PICKLE, (c) => c.charCodeAt(0))]),
    read: (bytes) => unpickle(bytes, { globals: [], persistent: () => null }),
  },
  {
    name: "zip",
    seeds: () =>
      Promise.resolve([
        rawZip([{ name: "a.txt", content: text("a") }, { name: "b/c", content: text("bc".repeat(99)), deflate: true }]),
      ]),
    read: readZip,
  },
  {
    name: "csv",
    seeds: () => Promise.resolve([text('case,patient\n"a, b",1\r\nc,"2""3"\n')]),
    read: (bytes) => parseCsv(decode(bytes)),
  },
  {
    name: "manifest",
    seeds: () => Promise.resolve([readFileSync(new URL("../../models/ms-lesion/4/manifest.json", import.meta.url))]),
    read: (bytes) => parseManifest(JSON.parse(decode(bytes))),
  },
];

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function readZip(bytes: Uint8Array): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    using zip = await ZipReader.open(path, ZIP_LIMITS);
    for (const entry of zip.entries) await new Response(await zip.read(entry)).bytes();
  } finally {
    await Deno.remove(path);
  }
}
