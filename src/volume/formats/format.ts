/** The record of a file format, and the content of its files when they are read and written. */
import type { Grid, GridImage, Triple } from "../grid/grid.ts";
import type { ByteFeed } from "./_bytes.ts";

/** A format of volume files. */
export interface VolumeFormat {
  /** Its name in messages and help texts. */
  readonly title: string;
  /** How its files' names end; `gzipped` is absent where such files are never gzipped as a whole. */
  readonly endings: { readonly plain: string; readonly gzipped?: string };
  /** Recognises a file by its first (inflated) bytes, `startBytes` of them or all that there are. */
  readonly recognises: (start: Uint8Array) => boolean;
  readonly startBytes: number;
  /** @throws {VolumeError} the header is damaged or of a kind of volume that is not read */
  readonly readHeader: (feed: ByteFeed) => Promise<VolumeHeader>;
  /** @throws {VolumeError} as for the header; also when the voxels are cut short */
  readonly read: (feed: ByteFeed) => Promise<Volume>;
  /** Writes a file whole or not at all; absent: the format is only read. */
  readonly write?: (path: string, content: VolumeContent) => Promise<void>;
  /** Copies a file to a new one without anything that may name a patient; voxels and geometry stay as they are. */
  readonly clean: (from: string, to: string) => Promise<void>;
}

/** How the voxels of a file are stored. */
export interface Datatype {
  readonly name: string;
  readonly bytes: number;
}

/** A checked header: everything that is needed to read the voxels that follow it. */
export interface VolumeHeader extends Grid {
  readonly spacingMm: Triple;
  readonly datatype: Datatype;
  readonly littleEndian: boolean;
  /** Stored value · slope + intercept = intensity. */
  readonly slope: number;
  readonly intercept: number;
  /** First byte of the voxels in the file. */
  readonly dataOffset: number;
  /** False: the file says neither where its voxels lie nor which way they point. */
  readonly positioned: boolean;
  /** Where the file contradicts itself, and how it was read. */
  readonly doubts: readonly Doubt[];
  readonly nifti?: NiftiGeometry;
}

/** A claim of a file that is read in one of several ways: a code in kebab-case, a sentence with figures, no names. */
export interface Doubt {
  readonly code: string;
  readonly detail: string;
}

/**
 * The geometry fields of a NIfTI header. A mask takes them over byte for byte, so that a viewer lays it exactly over its
 * image, whichever of sform, qform and pixdim the viewer trusts.
 */
export interface NiftiGeometry {
  readonly version: 1 | 2;
  /** An otherwise empty little-endian header: it holds no free text, which may name a patient. */
  readonly raw: Uint8Array;
}

/** A file's voxels as float32 in C order `[X, Y, Z]`, scaled, on the file's own grid. */
export interface Volume extends GridImage {
  readonly header: VolumeHeader;
  /** Voxels that were NaN or infinite and are 0 here. */
  readonly nonFiniteVoxels: number;
}

/** A volume to be written. */
export interface VolumeContent {
  /** C order `[X, Y, Z]`, or `[C, X, Y, Z]` with `components`. */
  readonly data: Uint8Array | Uint16Array | Int16Array | Float32Array;
  /** The grid, or the header of the file whose geometry the new file takes over. */
  readonly grid: Grid & { readonly nifti?: NiftiGeometry };
  /** Number of volumes on the leading axis; absent: one, a 3-D file. */
  readonly components?: number;
}
