/**
 * Writes zip archives of stored files as streams of known length. Nothing is compressed, because weights hardly compress.
 * Source: PKWARE APPNOTE 6.3.10, section 4.3.
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8_FLAG = 0x0800;

/** A file for an archive; its size and checksum are known from its verification. */
export interface ZipSource {
  readonly name: string;
  readonly bytes: number;
  readonly crc32: number;
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
}

/**
 * Writes the files one after the other, then the directory.
 * @throws {RangeError} for 4 GiB and more (this writer has no ZIP64)
 */
export function writeZip(sources: readonly ZipSource[]): { bytes: number; stream: ReadableStream<Uint8Array> } {
  const names = sources.map((s) => new TextEncoder().encode(s.name));
  const bytes = sources.reduce((sum, s, i) => sum + s.bytes + 30 + 46 + 2 * names[i].length, 22);
  if (bytes >= 2 ** 32) throw new RangeError(`Cannot write a zip: expected less than 4 GiB, got ${bytes} bytes`);
  async function* parts(): AsyncGenerator<Uint8Array> {
    const central: Uint8Array[] = [];
    let offset = 0;
    for (const [i, source] of sources.entries()) {
      const common = commonFields(source, names[i].length);
      yield record(30, LOCAL, [[4, common]], names[i]);
      central.push(record(46, CENTRAL, [[4, new Uint8Array([20, 0])], [6, common], [42, u32(offset)]], names[i]));
      for await (const chunk of await source.open()) yield chunk;
      offset += 30 + names[i].length + source.bytes;
    }
    const centralBytes = central.reduce((sum, c) => sum + c.length, 0);
    yield* central;
    const count = u32(sources.length).subarray(0, 2);
    yield record(22, END, [[8, count], [10, count], [12, u32(centralBytes)], [16, u32(offset)]], new Uint8Array());
  }
  return { bytes, stream: ReadableStream.from(parts()) };
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** The 24 bytes from "version needed" to "extra length", which local and central headers share. */
function commonFields(source: ZipSource, nameBytes: number): Uint8Array {
  const v = new DataView(new ArrayBuffer(24));
  v.setUint16(0, 20, true);
  v.setUint16(2, UTF8_FLAG, true);
  v.setUint16(8, 0x0021, true); // 1980-01-01: the same package gives the same bytes
  v.setUint32(10, source.crc32, true);
  v.setUint32(14, source.bytes, true);
  v.setUint32(18, source.bytes, true);
  v.setUint16(22, nameBytes, true);
  return new Uint8Array(v.buffer);
}

function record(size: number, signature: number, fields: [number, Uint8Array][], tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(size + tail.length);
  bytes.set(u32(signature));
  for (const [at, field] of fields) bytes.set(field, at);
  bytes.set(tail, size);
  return bytes;
}
