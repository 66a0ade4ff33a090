/** Archives for tests, honest and lying. */
import { crc32, deflateRawSync } from "node:zlib";

export interface RawEntry {
  readonly name: string | Uint8Array;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** False claims of the archive. */
  readonly lie?: {
    bytes?: number;
    crc32?: number;
    flags?: number;
    method?: number;
    unixMode?: number;
    offset?: number;
  };
}

/** A zip whose every field may lie; the program's own writer cannot make such archives. */
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
