/** Files that are often taken for volumes, by their first bytes, so that a refusal can say what was given instead. */
import { Buffer } from "node:buffer";

interface Foreign {
  readonly name: string;
  /** The bytes that such a file has, as Latin-1, and from where on; default the first. */
  readonly bytes: string;
  readonly at?: number;
}

const FOREIGN: readonly Foreign[] = [
  { name: "a DICOM file: convert its series, with dcm2niix for example", bytes: "DICM", at: 128 },
  { name: "an NRRD file", bytes: "NRRD" },
  { name: "a MetaImage header", bytes: "ObjectType" },
  { name: "an MGH file (.mgh or .mgz): convert it, with mri_convert for example", bytes: "\0\0\0\x01\0\0" },
  { name: "an HDF5 or MINC file", bytes: "\x89HDF" },
  { name: "a zip archive: unpack it", bytes: "PK\x03\x04" },
  { name: "a file compressed with bzip2: unpack it", bytes: "BZh" },
  { name: "a file compressed with xz: unpack it", bytes: "\xfd7zXZ" },
  { name: "a file compressed with zstd: unpack it", bytes: "\x28\xb5\x2f\xfd" },
  { name: "a file that was gzipped twice: unpack it once", bytes: "\x1f\x8b" },
  { name: "a web page, as failed downloads are", bytes: "<!DOCTYPE" },
  { name: "a web page, as failed downloads are", bytes: "<html" },
  { name: "a pointer to a file that Git LFS has not fetched", bytes: "version https://git-lfs" },
];

/** First bytes of a file that {@link foreignName} needs. */
export const FOREIGN_BYTES = Math.max(...FOREIGN.map(({ bytes, at = 0 }) => at + bytes.length));

/** What a file that is no known volume is, by its first (inflated) bytes. */
export function foreignName(start: Uint8Array): string {
  if (start.length === 0) return "an empty file";
  const text = Buffer.from(start.subarray(0, FOREIGN_BYTES)).toString("latin1");
  const found = FOREIGN.find(({ bytes, at = 0 }) => text.startsWith(bytes, at));
  return found?.name ?? (/^[\t\n\r -~]{4,}$/.test(text) ? "text" : "something else");
}
