/** The voxels of a file: one block, x fastest, in any byte order, turned into float32 in C order slab by slab. */
import { Buffer } from "node:buffer";
import { MAX_VOXELS, VolumeError, voxelsOf } from "../grid/grid.ts";
import type { ByteFeed } from "./_bytes.ts";
import type { Datatype, Volume, VolumeHeader } from "./format.ts";

type View = new (buffer: ArrayBuffer, offset: number, length: number) => ArrayLike<number>;

/** Stored types by name; JavaScript has no view of 64-bit integers as numbers. */
const KINDS = {
  int8: { bytes: 1, view: Int8Array },
  uint8: { bytes: 1, view: Uint8Array },
  int16: { bytes: 2, view: Int16Array },
  uint16: { bytes: 2, view: Uint16Array },
  int32: { bytes: 4, view: Int32Array },
  uint32: { bytes: 4, view: Uint32Array },
  int64: { bytes: 8, view: "int64" },
  uint64: { bytes: 8, view: "uint64" },
  float32: { bytes: 4, view: Float32Array },
  float64: { bytes: 8, view: Float64Array },
} as const satisfies Readonly<Record<string, { readonly bytes: number; readonly view: View | "int64" | "uint64" }>>;

export type DatatypeName = keyof typeof KINDS;

export function datatypeNamed(name: DatatypeName): Datatype & { readonly name: DatatypeName } {
  return { name, bytes: KINDS[name].bytes };
}

/** Slices that are turned from x-fastest to z-fastest together: 16 float32 fill a cache line. */
const SLAB = 16;

/** Bytes that may follow the voxels, for writers that pad. */
const SLACK = 2 ** 16;

/**
 * Reads the voxels that a header promises, after checking that the file can hold them.
 * @throws {VolumeError} they are cut short, absurdly many, or far more bytes follow
 */
export async function readVoxels(
  feed: ByteFeed,
  header: VolumeHeader & { readonly datatype: { readonly name: DatatypeName } },
): Promise<Volume> {
  checkClaim(header, feed);
  await feed.fill(new Uint8Array(header.dataOffset - feed.position));
  const { sizeVox: [nx, ny, nz], affineRas, datatype, slope, intercept } = header;
  const slice = nx * ny;
  const data = new Float32Array(slice * nz);
  const stored = new Uint8Array(Math.min(SLAB, nz) * slice * datatype.bytes);
  const values = new Float64Array(Math.min(SLAB, nz) * slice);
  let nonFiniteVoxels = 0;
  for (let z = 0; z < nz; z += SLAB) {
    const depth = Math.min(SLAB, nz - z);
    const slab = stored.subarray(0, depth * slice * datatype.bytes);
    const got = await feed.fill(slab);
    if (got < slab.length) throw short(bytesOf(header), z * slice * datatype.bytes + got);
    decodeVoxels(slab, header, values);
    nonFiniteVoxels += turnSlab(values, data, { nx, ny, nz, z, depth, slope, intercept });
  }
  const trailing = await feed.fill(new Uint8Array(SLACK + 1));
  if (trailing > SLACK) {
    throw new VolumeError(`Cannot read a volume: expected ${bytesOf(header)} bytes of voxels, got far more`);
  }
  return { data, nonFiniteVoxels, sizeVox: header.sizeVox, affineRas, header };
}

function bytesOf({ sizeVox, datatype }: VolumeHeader): number {
  return voxelsOf(sizeVox) * datatype.bytes;
}

/** Before memory is taken: a short file cannot hold what its header promises. */
function checkClaim(header: VolumeHeader, feed: ByteFeed): void {
  const bytes = bytesOf(header);
  if (!(voxelsOf(header.sizeVox) <= MAX_VOXELS)) {
    const size = header.sizeVox.join("×");
    throw new VolumeError(`Cannot read a volume: expected at most ${MAX_VOXELS} voxels, got ${size}`);
  }
  if (header.dataOffset + bytes > feed.mostBytes) throw short(bytes, Math.max(feed.mostBytes - header.dataOffset, 0));
}

function short(expected: number, got: number): VolumeError {
  return new VolumeError(`Cannot read a volume: expected ${expected} bytes of voxels, got at most ${got}`);
}

/** Turns stored bytes into float64 numbers; the bytes are swapped in place where they are big-endian. */
function decodeVoxels(
  stored: Uint8Array<ArrayBuffer>,
  { datatype, littleEndian }: { datatype: { readonly name: DatatypeName }; littleEndian: boolean },
  into: Float64Array,
): void {
  const { bytes, view } = KINDS[datatype.name];
  const count = stored.length / bytes;
  if (!littleEndian && bytes > 1) {
    const buffer = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
    if (bytes === 2) buffer.swap16();
    else if (bytes === 4) buffer.swap32();
    else buffer.swap64();
  }
  if (view === "int64" || view === "uint64") {
    const low = new Uint32Array(stored.buffer, stored.byteOffset, 2 * count);
    const high = view === "int64" ? new Int32Array(stored.buffer, stored.byteOffset, 2 * count) : low;
    for (let i = 0; i < count; i++) into[i] = high[2 * i + 1] * 2 ** 32 + low[2 * i];
  } else {
    into.set(new view(stored.buffer, stored.byteOffset, count));
  }
}

interface Turn {
  readonly nx: number;
  readonly ny: number;
  readonly nz: number;
  readonly z: number;
  readonly depth: number;
  readonly slope: number;
  readonly intercept: number;
}

/** Scales a slab of slices `[depth, ny, nx]` into `[nx, ny, nz]` from `z` on; returns the number of non-finite voxels. */
function turnSlab(from: Float64Array, into: Float32Array, { nx, ny, nz, z, depth, slope, intercept }: Turn): number {
  let nonFinite = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const to = (x * ny + y) * nz + z;
      let at = y * nx + x;
      for (let k = 0; k < depth; k++, at += nx * ny) {
        const scaled = from[at] * slope;
        const value = Math.fround(intercept === 0 ? scaled : scaled + intercept); // −0 stays −0
        if (value - value === 0) into[to + k] = value;
        else nonFinite++;
      }
    }
  }
  return nonFinite;
}
