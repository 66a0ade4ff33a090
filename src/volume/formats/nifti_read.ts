/**
 * Reads NIfTI volumes, plain or gzipped, slab by slab: the header is checked before the body is inflated, and no more is
 * inflated than the header promises. Not for series, colour or complex images.
 */
import { MAX_VOXELS, VolumeError } from "../grid/grid.ts";
import { claimOf, HEADER_BYTES, type NiftiHeader, niftiVersion, parseHeader } from "./nifti_header.ts";
import { ByteFeed } from "./_bytes.ts";
import { decodeVoxels } from "./_datatypes.ts";
import type { GridImage } from "../grid/placement.ts";

/** A file's voxels as float32 in C order `[X, Y, Z]`, scaled, on the file's own grid. */
export interface Volume extends GridImage {
  readonly header: NiftiHeader;
}

export interface ReadLimits {
  /** Most voxels, default 2²⁸. */
  readonly maxVoxels?: number;
  /** Most bytes of stored voxels (inflated), default 2³¹. */
  readonly maxBytes?: number;
}

/** Slices that are turned from x-fastest to z-fastest together: 16 float32 fill a cache line. */
const SLAB = 16;

/** Bytes that may follow the voxels, for writers that pad. */
const SLACK = 2 ** 16;

/**
 * Reads a volume; NaN and infinite voxels become 0 and are counted.
 * @throws {VolumeError} when the content is no such volume, is cut short, or exceeds the limits
 */
export async function readNifti(
  source: string | Uint8Array,
  limits: ReadLimits = {},
): Promise<Volume & { readonly nonFiniteVoxels: number }> {
  const feed = await ByteFeed.open(source);
  try {
    const header = await readHeader(feed);
    checkClaim(header, feed, limits);
    await skipTo(feed, header.dataOffset);
    const { data, nonFiniteVoxels } = await readVoxels(feed, header);
    const trailing = await feed.fill(new Uint8Array(SLACK + 1));
    if (trailing > SLACK) {
      throw new VolumeError(`Cannot read a volume: expected ${claimOf(header).bytes} bytes of voxels, got far more`);
    }
    return { data, nonFiniteVoxels, sizeVox: header.sizeVox, affineRas: header.affineRas, header };
  } finally {
    await feed.close();
  }
}

/** Reads and checks the header alone. @throws {VolumeError} as `readNifti()` does for headers */
export async function readNiftiHeader(source: string | Uint8Array): Promise<NiftiHeader> {
  const feed = await ByteFeed.open(source);
  try {
    return await readHeader(feed);
  } finally {
    await feed.close();
  }
}

async function readHeader(feed: ByteFeed): Promise<NiftiHeader> {
  const bytes = new Uint8Array(HEADER_BYTES[2]);
  let got = await feed.fill(bytes.subarray(0, HEADER_BYTES[1]));
  if (niftiVersion(bytes) === 2) got += await feed.fill(bytes.subarray(HEADER_BYTES[1]));
  return parseHeader(bytes.subarray(0, got));
}

function checkClaim(header: NiftiHeader, feed: ByteFeed, { maxVoxels = MAX_VOXELS, maxBytes = 2 ** 31 }: ReadLimits) {
  const { voxels, bytes } = claimOf(header);
  const size = header.sizeVox.join("×");
  if (!(voxels <= maxVoxels)) {
    throw new VolumeError(`Cannot read a volume: expected at most ${maxVoxels} voxels, got ${size}`);
  }
  if (!(bytes <= maxBytes)) {
    throw new VolumeError(`Cannot read a volume: expected at most ${maxBytes} bytes of voxels, got ${bytes}`);
  }
  // Before memory is taken: a short file cannot hold what its header promises.
  if (header.dataOffset + bytes > feed.mostBytes) throw short(bytes, Math.max(feed.mostBytes - header.dataOffset, 0));
}

function short(expected: number, got: number): VolumeError {
  return new VolumeError(`Cannot read a volume: expected ${expected} bytes of voxels, got at most ${got}`);
}

async function skipTo(feed: ByteFeed, offset: number): Promise<void> {
  await feed.fill(new Uint8Array(offset - feed.position));
}

async function readVoxels(
  feed: ByteFeed,
  header: NiftiHeader,
): Promise<{ data: Float32Array; nonFiniteVoxels: number }> {
  const { sizeVox: [nx, ny, nz], datatype, slope, intercept } = header;
  const slice = nx * ny;
  const data = new Float32Array(slice * nz);
  const stored = new Uint8Array(Math.min(SLAB, nz) * slice * datatype.bytes);
  const values = new Float64Array(Math.min(SLAB, nz) * slice);
  let nonFiniteVoxels = 0;
  for (let z = 0; z < nz; z += SLAB) {
    const depth = Math.min(SLAB, nz - z);
    const slab = stored.subarray(0, depth * slice * datatype.bytes);
    const got = await feed.fill(slab);
    if (got < slab.length) throw short(claimOf(header).bytes, z * slice * datatype.bytes + got);
    decodeVoxels(slab, header, values);
    nonFiniteVoxels += turnSlab(values, data, { nx, ny, nz, z, depth, slope, intercept });
  }
  return { data, nonFiniteVoxels };
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

/** Scales a slab of slices `[depth, ny, nx]` into `[nx, ny, nz]` from `z` on; tells how many voxels were not finite. */
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
