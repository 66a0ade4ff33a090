/**
 * NIfTI-1 and -2 headers: the claims of a file, checked before any voxel is read, and the header of a file to be written.
 * `nifti-reader-js` parses the fields; `nifti_affine.ts` makes the affine of them. Extensions are skipped and never kept.
 */
import { NIFTI1, NIFTI2 } from "nifti-reader-js";
import { type Grid, perAxis, spacingOf, type Triple, VolumeError } from "../grid/grid.ts";
import { type DatatypeName, datatypeNamed } from "./_voxels.ts";
import type { Doubt, NiftiGeometry, VolumeHeader } from "./format.ts";
import { placeOf } from "./nifti_affine.ts";

/** A checked header. */
export interface NiftiHeader extends VolumeHeader {
  readonly datatype: ReturnType<typeof datatypeNamed>;
  readonly nifti: NiftiGeometry;
}

/** Voxel types that are read, by the standard's codes. */
const DATATYPES: Readonly<Record<number, DatatypeName>> = {
  2: "uint8",
  4: "int16",
  8: "int32",
  16: "float32",
  64: "float64",
  256: "int8",
  512: "uint16",
  768: "uint32",
  1024: "int64",
  1280: "uint64",
};

/** Voxel types that are refused, by name. */
const REFUSED: Readonly<Record<number, string>> = {
  1: "1-bit",
  32: "complex64",
  128: "RGB24",
  1536: "float128",
  1792: "complex128",
  2048: "complex256",
  2304: "RGBA32",
};

/** Bytes of each version's fixed header, and the least offset of voxels in a single file. */
export const HEADER_BYTES = { 1: 348, 2: 540 } as const;
export const LEAST_OFFSET = { 1: 352, 2: 544 } as const;

/** Room for header extensions; a larger offset is taken for damage. */
const MAX_OFFSET = 2 ** 24;

/** Geometry fields that are carried over byte by byte: [offset, bytes of an element, elements]. */
const CARRIED = {
  // pixdim, xyzt_units, qform_code and sform_code, quatern and qoffset, srow
  1: [[76, 4, 8], [123, 1, 1], [252, 2, 2], [256, 4, 6], [280, 4, 12]],
  2: [[104, 8, 8], [500, 4, 1], [344, 4, 2], [352, 8, 6], [400, 8, 12]],
} as const;

/** Where the affine's rows are. */
const SROW = { 1: 280, 2: 400 } as const;

function bad(expected: string, got: string | number): VolumeError {
  return new VolumeError(`Cannot read a NIfTI header: expected ${expected}, got ${got}`);
}

/** The version, by the first four bytes; null: it is no NIfTI header. */
export function niftiVersion(start: Uint8Array): 1 | 2 | null {
  if (start.length < 4) return null;
  const view = new DataView(start.buffer, start.byteOffset, 4);
  for (const little of [true, false]) {
    if (view.getInt32(0, little) === 348) return 1;
    if (view.getInt32(0, little) === 540) return 2;
  }
  return null;
}

/**
 * Parses and checks a fixed header.
 * @param bytes the first 348 (NIfTI-1) or 540 (NIfTI-2) bytes
 * @throws {VolumeError} when it is no NIfTI header, or a volume that is not read here: several time points, colour,
 * complex numbers, a flat or undefined affine
 */
export function parseHeader(bytes: Uint8Array): NiftiHeader {
  const version = niftiVersion(bytes);
  if (version === null) throw bad("a NIfTI-1 or NIfTI-2 file", "something else");
  if (bytes.length < HEADER_BYTES[version]) throw bad(`${HEADER_BYTES[version]} bytes`, bytes.length);
  // Only the fixed part goes in: the reader would follow the sizes of extensions unchecked.
  const fixed = bytes.slice(0, HEADER_BYTES[version]);
  const fields = version === 1 ? new NIFTI1() : new NIFTI2();
  fields.readHeader(fixed.buffer);
  if (fields.magic.startsWith("ni")) throw bad("one .nii file", "one half of a .hdr/.img pair");
  if (!fields.magic.startsWith(`n+${version}`)) throw bad(`the magic n+${version}`, "another");

  const { sizeVox, doubts } = checkedSize(fields.dims);
  const type = DATATYPES[fields.datatypeCode];
  if (type === undefined) {
    const got = REFUSED[fields.datatypeCode] ?? `datatype ${fields.datatypeCode}`;
    throw bad("voxels of integers or floats up to 64 bits", got);
  }
  const srow = new DataView(fixed.buffer, SROW[version]);
  const at = (i: number) =>
    version === 1 ? srow.getFloat32(4 * i, fields.littleEndian) : srow.getFloat64(8 * i, fields.littleEndian);
  const place = placeOf(fields, Array.from({ length: 12 }, (_, i) => at(i)), sizeVox);
  const scaled = Number.isFinite(fields.scl_slope) && fields.scl_slope !== 0;
  if (scaled && !Number.isFinite(fields.scl_inter)) throw bad("a finite intercept (scl_inter)", fields.scl_inter);
  return {
    littleEndian: fields.littleEndian,
    sizeVox,
    ...place,
    doubts: [...doubts, ...place.doubts],
    spacingMm: spacingOf(place.affineRas),
    datatype: datatypeNamed(type),
    slope: scaled ? fields.scl_slope : 1,
    intercept: scaled ? fields.scl_inter : 0,
    dataOffset: checkedOffset(fields.vox_offset, LEAST_OFFSET[version]),
    nifti: { version, raw: carriedFields(fixed, version, fields.littleEndian) },
  };
}

/** A 0 from the fourth dimension on means one, as ITK reads it; writers leave it where there is no such axis. */
function checkedSize(dims: readonly number[]): { sizeVox: Triple; doubts: Doubt[] } {
  const [rank, ...rest] = dims;
  if (!(rank >= 1 && rank <= 7)) throw bad("1 to 7 dimensions", rank);
  const stated = rest.slice(0, rank);
  const size = rest.map((n, i) => i >= rank || (n === 0 && i >= 3) ? 1 : n);
  if (size.some((n) => !(n >= 1))) throw bad("positive dimensions", stated.join("×"));
  if (size.slice(3).some((n) => n !== 1)) throw bad("one 3-D volume", `a series of ${stated.join("×")}`);
  const detail = `the dimensions are ${stated.join("×")}; the file is read as one volume`;
  return {
    sizeVox: perAxis((a) => size[a]),
    doubts: stated.includes(0) ? [{ code: "dimensions-doubtful", detail }] : [],
  };
}

function checkedOffset(offset: number, least: number): number {
  if (offset === 0) return least;
  if (!Number.isInteger(offset) || offset < least || offset > MAX_OFFSET) {
    throw bad(`voxels from byte ${least} to ${MAX_OFFSET} on`, offset);
  }
  return offset;
}

/** An otherwise empty little-endian header with the carried fields of another. */
function carriedFields(fixed: Uint8Array, version: 1 | 2, littleEndian: boolean): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES[version]);
  for (const [offset, width, count] of CARRIED[version]) {
    for (let e = 0; e < count; e++) {
      const from = offset + e * width;
      for (let k = 0; k < width; k++) out[from + k] = fixed[from + (littleEndian ? k : width - 1 - k)];
    }
  }
  return out;
}

/** The geometry of a new NIfTI-1 file on a grid: its affine as sform (code 2, aligned), millimetres, no qform. */
export function geometryOf({ affineRas }: Grid): NiftiGeometry {
  const raw = new Uint8Array(HEADER_BYTES[1]);
  const view = new DataView(raw.buffer);
  [1, ...spacingOf(affineRas)].forEach((v, i) => view.setFloat32(76 + 4 * i, v, true));
  raw[123] = 2;
  view.setInt16(254, 2, true);
  affineRas.slice(0, 12).forEach((v, i) => view.setFloat32(SROW[1] + 4 * i, v, true));
  return { version: 1, raw };
}

/**
 * The fixed header of a file to be written, little-endian: carried geometry, the given size and datatype, identity
 * scaling, every other field empty (descriptions, names, intents: they may hold patient data).
 * @param components number of volumes on a fourth axis; absent: a 3-D file
 */
export function finishHeader(
  { version, raw }: NiftiGeometry,
  { sizeVox, components, type }: { sizeVox: Triple; components?: number; type: DatatypeName },
): Uint8Array {
  const out = raw.slice();
  const view = new DataView(out.buffer);
  const dims = components === undefined ? [3, ...sizeVox, 1, 1, 1, 1] : [4, ...sizeVox, components, 1, 1, 1];
  const limit = version === 1 ? 32767 : Number.MAX_SAFE_INTEGER;
  if (!dims.every((n) => Number.isInteger(n) && n >= 1 && n <= limit)) {
    const got = sizeVox.join("×") + (components === undefined ? "" : `, ${components} components`);
    throw new RangeError(`Cannot write a NIfTI-${version} header: expected sizes 1…${limit}, got ${got}`);
  }
  const code = Number(Object.keys(DATATYPES).find((c) => DATATYPES[Number(c)] === type));
  const bits = 8 * datatypeNamed(type).bytes;
  if (version === 1) {
    view.setInt32(0, 348, true);
    dims.forEach((n, i) => view.setInt16(40 + 2 * i, n, true));
    view.setInt16(70, code, true);
    view.setInt16(72, bits, true);
    view.setFloat32(108, LEAST_OFFSET[1], true);
    view.setFloat32(112, 1, true);
    if (components !== undefined) view.setFloat32(76 + 4 * 4, 1, true);
    out.set(new TextEncoder().encode("n+1\0"), 344);
  } else {
    view.setInt32(0, 540, true);
    out.set(new TextEncoder().encode("n+2\0\r\n\x1a\n"), 4);
    view.setInt16(12, code, true);
    view.setInt16(14, bits, true);
    dims.forEach((n, i) => view.setBigInt64(16 + 8 * i, BigInt(n), true));
    view.setBigInt64(168, BigInt(LEAST_OFFSET[2]), true);
    view.setFloat64(176, 1, true);
    if (components !== undefined) view.setFloat64(104 + 8 * 4, 1, true);
  }
  return out;
}
