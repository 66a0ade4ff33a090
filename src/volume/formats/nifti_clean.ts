/**
 * A copy of a NIfTI file without its free text: description, names, header extensions, the name that gzip stores, and
 * whatever follows the voxels. All of them may name a patient. Voxels, geometry, datatype and scaling stay byte by byte.
 */
import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { VolumeError, voxelsOf } from "../grid/grid.ts";
import { ByteFeed } from "./_bytes.ts";
import { CHUNK } from "./_gzip.ts";
import { HEADER_BYTES, LEAST_OFFSET, niftiVersion, parseHeader } from "./nifti_header.ts";

/** Fields of free text and those that nothing uses: [first byte, byte after the last]. */
const TEXTS = {
  // data_type to regular; descrip and aux_file; intent_name
  1: [[4, 39], [148, 252], [328, 344]],
  // descrip and aux_file; intent_name; unused_str
  2: [[240, 344], [508, 524], [525, 540]],
} as const;

/** Where the offset of the voxels is stored. */
const OFFSET_FIELD = { 1: 108, 2: 168 } as const;

/**
 * Copies the volume at `from` to a new file `to`, durably; gzipped where it was.
 * @throws {VolumeError} it is no such volume, or is cut short
 */
export async function cleanNifti(from: string, to: string): Promise<void> {
  const feed = await ByteFeed.open(from);
  try {
    const plain = Readable.from(cleanParts(feed), { objectMode: true, highWaterMark: 1 });
    const file = createWriteStream(to, { flags: "wx", mode: 0o600 });
    // Level 1: noise hardly shrinks, whatever the effort.
    if (feed.isGzip) await pipeline(plain, createGzip({ level: 1 }), file);
    else await pipeline(plain, file);
  } finally {
    await feed.close();
  }
  const written = await open(to, "r+");
  try {
    await written.sync();
  } finally {
    await written.close();
  }
}

async function* cleanParts(feed: ByteFeed): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(HEADER_BYTES[2]);
  let got = await feed.fill(bytes.subarray(0, HEADER_BYTES[1]));
  const version = niftiVersion(bytes);
  if (version === 2) got += await feed.fill(bytes.subarray(HEADER_BYTES[1]));
  const header = parseHeader(bytes.subarray(0, got)), { littleEndian } = header;
  const start = new Uint8Array(LEAST_OFFSET[header.nifti.version]);
  start.set(bytes.subarray(0, HEADER_BYTES[header.nifti.version]));
  for (const [first, after] of TEXTS[header.nifti.version]) start.fill(0, first, after);
  const view = new DataView(start.buffer), at = OFFSET_FIELD[header.nifti.version];
  if (header.nifti.version === 1) view.setFloat32(at, start.length, littleEndian);
  else view.setBigInt64(at, BigInt(start.length), littleEndian);
  yield start;
  for (let skip = header.dataOffset - got; skip > 0;) {
    const skipped = await feed.fill(new Uint8Array(Math.min(skip, CHUNK)));
    if (skipped === 0) break;
    skip -= skipped;
  }
  for (let left = voxelsOf(header.sizeVox) * header.datatype.bytes; left > 0;) {
    const part = new Uint8Array(Math.min(left, CHUNK)), filled = await feed.fill(part);
    if (filled === 0) throw new VolumeError(`Cannot store a volume: expected ${left} bytes of voxels more, got none`);
    left -= filled;
    yield part.subarray(0, filled);
  }
}
