/**
 * Reads zip archives entry by entry as streams, with bounds. Not a general unzip: it takes stored and deflated entries
 * and refuses everything unusual, such as encryption, links and names that leave the folder.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (ZIP64).
 */
import { crc32 } from "node:zlib";
import { DomainError } from "../errors.ts";

export interface ZipLimits {
  readonly maxEntries: number;
  /** Of all entries together, unpacked. */
  readonly maxTotalBytes: number;
  /** Unpacked size over packed size of an entry larger than 1 MiB. */
  readonly maxRatio: number;
}

export interface ZipEntry {
  /** Relative path with `/`, without `.`, `..` or empty parts. */
  readonly name: string;
  readonly bytes: number;
  readonly packedBytes: number;
  readonly crc32: number;
  readonly deflated: boolean;
  /** Place of its local header in the archive. */
  readonly offset: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000;
/** Smaller files may have any ratio: their unpacked size does no harm. */
const RATIO_FROM_BYTES = 2 ** 20;

function refuse(why: string): never {
  throw new DomainError("invalid-archive", `Cannot read the zip archive: ${why}`);
}

/** An open archive. It checks the whole list of files before it reads the first one. */
export class ZipReader implements Disposable {
  readonly #file: Deno.FsFile;
  readonly entries: readonly ZipEntry[];

  private constructor(file: Deno.FsFile, entries: readonly ZipEntry[]) {
    this.#file = file;
    this.entries = entries;
  }

  /** @throws {DomainError} `invalid-archive`, `too-large` */
  static async open(path: string, limits: ZipLimits): Promise<ZipReader> {
    const file = await Deno.open(path);
    try {
      const { size } = await file.stat();
      const directory = await findDirectory(file, size);
      if (directory.count > limits.maxEntries) {
        throw new DomainError("too-large", `Cannot read the zip archive: more than ${limits.maxEntries} files`);
      }
      const bytes = await readAt(file, directory.offset, directory.bytes);
      const entries = parseDirectory(bytes, directory.count);
      checkEntries(entries, directory.offset, limits);
      return new ZipReader(file, entries);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The unpacked bytes of an entry; the stream fails unless size and checksum are as listed. One entry at a time. */
  async read(entry: ZipEntry): Promise<ReadableStream<Uint8Array>> {
    const header = view(await readAt(this.#file, entry.offset, 30));
    if (header.getUint32(0, true) !== LOCAL) refuse("a local header is damaged");
    const start = entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const packed = slice(this.#file, start, entry.packedBytes);
    const unpacked = entry.deflated ? packed.pipeThrough(new DecompressionStream("deflate-raw")) : packed;
    return ReadableStream.from(checked(unpacked, entry));
  }

  /** A small entry as bytes. @throws {DomainError} `too-large` past `maxBytes` */
  async readBytes(entry: ZipEntry, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (entry.bytes > maxBytes) {
      throw new DomainError("too-large", `Cannot read the zip archive: a file has ${entry.bytes} bytes`);
    }
    return new Uint8Array(await new Response(await this.read(entry)).arrayBuffer());
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const n = await file.read(bytes.subarray(done));
    if (n === null) refuse("it is cut short");
    done += n;
  }
  return bytes;
}

/** The place of the central directory (APPNOTE 4.3.12 to 4.3.16). */
async function findDirectory(
  file: Deno.FsFile,
  size: number,
): Promise<{ count: number; bytes: number; offset: number }> {
  const tailBytes = Math.min(size, 22 + 0xffff);
  const tail = view(await readAt(file, size - tailBytes, tailBytes));
  let at = tailBytes - 22;
  while (at >= 0 && !(tail.getUint32(at, true) === END && at + 22 + tail.getUint16(at + 20, true) === tailBytes)) at--;
  if (at < 0) refuse("it has no end record, so it is cut short or another kind of file");
  let found = {
    count: tail.getUint16(at + 10, true),
    bytes: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  const isZip64 = found.count === 0xffff || found.bytes === 0xffffffff || found.offset === 0xffffffff;
  if (isZip64 && at >= 20 && tail.getUint32(at - 20, true) === LOCATOR64) {
    const end = view(await readAt(file, bigAt(tail, at - 12), 56));
    if (end.getUint32(0, true) !== END64) refuse("its ZIP64 end record is damaged");
    found = { count: bigAt(end, 32), bytes: bigAt(end, 40), offset: bigAt(end, 48) };
  }
  if (found.offset + found.bytes > size || found.count * 46 > found.bytes) refuse("its directory is damaged");
  if (found.bytes > 64 * 2 ** 20) refuse("its directory is too long");
  return found;
}

function bigAt(v: DataView, at: number): number {
  const value = Number(v.getBigUint64(at, true));
  return Number.isSafeInteger(value) ? value : refuse("a size is out of range");
}

function parseDirectory(bytes: Uint8Array, count: number): ZipEntry[] {
  const v = view(bytes);
  const entries: ZipEntry[] = [];
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > bytes.length || v.getUint32(at, true) !== CENTRAL) refuse("its directory is damaged");
    const flags = v.getUint16(at + 8, true);
    const method = v.getUint16(at + 10, true);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((o) => v.getUint16(at + o, true));
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length) refuse("its directory is damaged");
    const rawName = bytes.subarray(at + 46, at + 46 + nameBytes);
    const extra = view(bytes.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes));
    const [bytesLong, packedBytes, offset] = sizes64(extra, [
      v.getUint32(at + 24, true),
      v.getUint32(at + 20, true),
      v.getUint32(at + 42, true),
    ]);
    const unixMode = v.getUint16(at + 4, true) >> 8 === 3 ? v.getUint32(at + 38, true) >>> 16 : 0;
    if (flags & ENCRYPTED_FLAGS) refuse("it is encrypted");
    if (method !== 0 && method !== 8) refuse("a file is packed by a method that is not supported");
    if (method === 0 && bytesLong !== packedBytes) refuse("a stored file has two sizes");
    if ((unixMode & 0o170000) === 0o120000) refuse("it holds a link");
    const name = decodeName(rawName);
    if (!name.endsWith("/")) { // entries of folders hold nothing
      entries.push({
        name,
        bytes: bytesLong,
        packedBytes,
        crc32: v.getUint32(at + 16, true),
        deflated: method === 8,
        offset,
      });
    }
    at = next;
  }
  return entries;
}

/** Replaces the 32-bit values that are all ones by those of the ZIP64 field, which lists only these, in this order. */
function sizes64(extra: DataView, values: number[]): number[] {
  if (!values.includes(0xffffffff)) return values;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (end > extra.byteLength) break;
    if (extra.getUint16(at, true) === 1) {
      let field = at + 4;
      return values.map((value) => {
        if (value !== 0xffffffff) return value;
        if (field + 8 > end) refuse("a ZIP64 field is damaged");
        field += 8;
        return bigAt(extra, field - 8);
      });
    }
    at = end;
  }
  return refuse("a ZIP64 field is missing");
}

function decodeName(raw: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    refuse("a file name is not UTF-8; pack it with a program that writes UTF-8 names");
  }
  name = name.replaceAll("\\", "/"); // some Windows programs separate folders so
  const path = name.endsWith("/") ? name.slice(0, -1) : name;
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f:]/.test(path) || path.split("/").some((part) => ["", ".", ".."].includes(part))) {
    refuse("a file name is unsafe");
  }
  return name;
}

function checkEntries(entries: readonly ZipEntry[], directoryOffset: number, limits: ZipLimits): void {
  const total = entries.reduce((sum, e) => sum + e.bytes, 0);
  if (total > limits.maxTotalBytes) {
    throw new DomainError("too-large", `Cannot read the zip archive: it unpacks to ${total} bytes`);
  }
  const names = new Set(entries.map((e) => e.name.normalize("NFC").toLowerCase()));
  if (names.size < entries.length) refuse("two files have the same name");
  for (const name of names) {
    for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
      if (names.has(name.slice(0, at))) refuse("a file and a folder have the same name");
    }
  }
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (entry.offset < end) refuse("two files share the same bytes");
    end = entry.offset + 30 + entry.packedBytes;
    if (entry.bytes > RATIO_FROM_BYTES && entry.bytes > limits.maxRatio * entry.packedBytes) {
      refuse("a file unpacks to far more than its packed size");
    }
  }
  if (end > directoryOffset) refuse("a file runs into the directory");
}

async function* checked(source: ReadableStream<Uint8Array>, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let crc = 0;
  try {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > entry.bytes) refuse("a file is longer than listed");
      crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof DomainError) throw error;
    refuse("a file is damaged");
  }
  if (bytes !== entry.bytes || crc !== entry.crc32) refuse("a file is damaged");
}

/** `length` bytes of an open file from `start`, as a stream. */
function slice(file: Deno.FsFile, start: number, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = start;
  return new ReadableStream({
    async pull(controller) {
      const want = Math.min(64 * 1024, start + length - at);
      if (want === 0) return controller.close();
      const chunk = await readAt(file, at, want);
      at += want;
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}
