/**
 * Reads and writes volume files of every known format. A file is recognised by its content, whatever its name, plain or
 * gzipped; a file to be written by its name's ending. Not for series, colour or complex images.
 */
import { VolumeError } from "../grid/grid.ts";
import { ByteFeed } from "./_bytes.ts";
import { FOREIGN_BYTES, foreignName } from "./_foreign.ts";
import type { Volume, VolumeContent, VolumeFormat, VolumeHeader } from "./format.ts";
import { isGzip } from "./_gzip.ts";
import { nifti } from "./nifti.ts";

/** Every format, in the order in which they are tried. */
const FORMATS: readonly VolumeFormat[] = [nifti];

/** How the names of volume files end. */
export const VOLUME_ENDINGS: readonly string[] = FORMATS.flatMap(endingsOf);

/** How the names of the volumes end that this program writes: masks, templates, stored cases. */
export const WRITTEN_ENDING = ".nii.gz";

/** The files that are read, in words: "a NIfTI file (.nii or .nii.gz)". */
export const VOLUME_FILE = FORMATS.map((f) => `a ${f.title} file (${endingsOf(f).join(" or ")})`).join(" or ");

function endingsOf({ endings: { plain, gzipped } }: VolumeFormat): string[] {
  return gzipped === undefined ? [plain] : [plain, gzipped];
}

/** First bytes of a file that {@link isVolumeStart} needs. */
export const VOLUME_START_BYTES = Math.max(...FORMATS.map((f) => f.startBytes));

/** True for the first bytes of a volume file; a gzipped file shows only when it is read whether it is one. */
export function isVolumeStart(start: Uint8Array): boolean {
  return isGzip(start) || FORMATS.some((f) => f.recognises(start));
}

/** What a file is instead of a volume, in words; the more of its first bytes, the better. */
export function givenInstead(start: Uint8Array): string {
  return foreignName(start);
}

/** Takes the volume ending off a path, in whatever case it is written; null: it has none. */
export function splitVolumePath(path: string): { stem: string; ending: string } | null {
  const lower = path.toLowerCase();
  const ending = VOLUME_ENDINGS.find((e) => lower.endsWith(e));
  return ending === undefined ? null : { stem: path.slice(0, -ending.length), ending };
}

/**
 * Reads a volume; the header is checked before the voxels are inflated, and no more is inflated than it promises.
 * @param source a path, or the bytes of a file
 * @throws {VolumeError} when the content is no such volume, is cut short, or is absurdly large
 */
export async function readVolume(source: string | Uint8Array): Promise<Volume> {
  return await recognised(source, (format, feed) => format.read(feed));
}

/** Reads and checks the header alone. @throws {VolumeError} as `readVolume()` does for headers */
export async function readVolumeHeader(source: string | Uint8Array): Promise<VolumeHeader> {
  return await recognised(source, (format, feed) => format.readHeader(feed));
}

/** The ending that fits a file's content, whatever its name. @throws {VolumeError} as `readVolumeHeader()` */
export async function volumeEnding(path: string): Promise<string> {
  return await recognised(path, ({ endings: { plain, gzipped = plain } }, feed) => feed.isGzip ? gzipped : plain);
}

/**
 * Copies a volume to the new file `to` without free text, extensions and names; voxels and geometry stay as they are.
 * @throws {VolumeError} as `readVolume()`
 */
export async function cleanVolume(from: string, to: string): Promise<void> {
  const { clean } = await recognised(from, (format) => format);
  await clean(from, to);
}

async function recognised<T>(
  source: string | Uint8Array,
  read: (format: VolumeFormat, feed: ByteFeed) => T | Promise<T>,
): Promise<T> {
  const feed = await ByteFeed.open(source);
  try {
    const start = await feed.peek(FOREIGN_BYTES);
    const format = FORMATS.find((f) => f.recognises(start));
    if (format === undefined) {
      throw new VolumeError(`Cannot read a volume: expected ${VOLUME_FILE}, got ${foreignName(start)}`);
    }
    return await read(format, feed);
  } finally {
    await feed.close();
  }
}

/**
 * Writes a file whole or not at all, in the format of its name's ending. Of the header whose geometry it takes over
 * nothing else is kept: no free text, no scaling.
 * @throws {RangeError} when the name has no known ending, or data and grid do not agree
 */
export async function writeVolume(path: string, content: VolumeContent): Promise<void> {
  const ending = splitVolumePath(path)?.ending;
  const format = FORMATS.find((f) => f.write && ending !== undefined && endingsOf(f).includes(ending));
  if (format?.write === undefined) {
    // The name itself may be a patient's.
    throw new RangeError(`Cannot write a volume: expected the name of ${VOLUME_FILE}, got another`);
  }
  await format.write(path, content);
}
