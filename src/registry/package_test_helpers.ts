/** What the tests of packages, archives and the registry start from. */
import { crc32, deflateRawSync } from "node:zlib";
import type { ManifestDraft } from "./manifest.ts";

/** A draft that the schema accepts. */
export function draftOf(changes: Partial<ManifestDraft> = {}): ManifestDraft {
  return {
    name: "tumour",
    task: "segmentation",
    architecture: { kind: "unet3d", config: { widths: [4, 8] } },
    modalities: ["t1", "flair"],
    labels: [{ name: "lesion", value: 1, colour: "#ff0000" }],
    classes: [],
    preprocessing: {
      spacingMm: [1, 1, 1],
      percentiles: { lower: 5, upper: 95, clip: true },
      foregroundMargin: 0,
      percentilesOver: "volume",
    },
    inference: { roi: [32, 32, 32], overlap: 0.5, blending: "constant", threshold: 0.5 },
    provenance: {
      recipe: { preset: "edge" },
      seed: 7,
      software: { sulcus: "0.1.0" },
      metrics: { dice: 0.8 },
      createdAt: "2026-11-24T10:00:00.000Z",
      note: "",
    },
    licence: "Apache-2.0",
    intendedUse: "Tests.",
    ...changes,
  };
}

/** A folder with a package's files, of which the network is `network` (any bytes do). */
export async function makeSource(network = "network bytes"): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/network.onnx`, network);
  await Deno.writeTextFile(`${folder}/report.json`, "{}");
  await Deno.mkdir(`${folder}/templates`);
  await Deno.writeTextFile(`${folder}/templates/t1.nii.gz`, "template");
  await Deno.writeTextFile(`${folder}/checkpoint.bin`, "no part of a package");
  return folder;
}

export interface RawEntry {
  readonly name: string | Uint8Array;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** What the archive claims, where that is not the truth. */
  readonly lie?: {
    bytes?: number;
    crc32?: number;
    flags?: number;
    method?: number;
    unixMode?: number;
    offset?: number;
  };
}

/** A zip whose every field can be made to lie; the honest writer of the product cannot make such archives. */
export function rawZip(entries: readonly RawEntry[]): Uint8Array<ArrayBuffer> {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const { name, content, deflate, lie = {} } of entries) {
    const nameBytes = typeof name === "string" ? new TextEncoder().encode(name) : name;
    const packed = deflate ? new Uint8Array(deflateRawSync(content)) : content;
    const header = new DataView(new ArrayBuffer(46));
    header.setUint32(0, 0x02014b50, true);
    header.setUint16(4, 3 << 8, true);
    header.setUint16(8, lie.flags ?? 0x0800, true);
    header.setUint16(10, lie.method ?? (deflate ? 8 : 0), true);
    header.setUint32(16, lie.crc32 ?? crc32(content), true);
    header.setUint32(20, packed.length, true);
    header.setUint32(24, lie.bytes ?? content.length, true);
    header.setUint16(28, nameBytes.length, true);
    header.setUint32(38, (lie.unixMode ?? 0o100644) << 16, true);
    header.setUint32(42, lie.offset ?? at, true);
    central.push(new Uint8Array(header.buffer), nameBytes);
    const short = new DataView(new ArrayBuffer(30));
    short.setUint32(0, 0x04034b50, true);
    short.setUint16(26, nameBytes.length, true);
    local.push(new Uint8Array(short.buffer), nameBytes, packed);
    at += 30 + nameBytes.length + packed.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, central.reduce((n, b) => n + b.length, 0), true);
  end.setUint32(16, at, true);
  const parts = [...local, ...central, new Uint8Array(end.buffer)];
  const zip = new Uint8Array(parts.reduce((n, b) => n + b.length, 0));
  for (let i = 0, to = 0; i < parts.length; to += parts[i++].length) zip.set(parts[i], to);
  return zip;
}

/** Whether an error is a `DomainError` with this code and a message that matches; for `assert.rejects`. */
export function refusal(code: string, message: RegExp): (error: unknown) => true {
  return (error) => {
    if (!(error instanceof Error) || !("code" in error) || error.code !== code || !message.test(error.message)) {
      throw new Error(`Expected ${code} with ${message}, got ${error}`, { cause: error });
    }
    return true;
  };
}
