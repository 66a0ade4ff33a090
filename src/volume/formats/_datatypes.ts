/** NIfTI's voxel types: those that are read, and the names of those that are refused. */
import { Buffer } from "node:buffer";
import { VolumeError } from "../grid/grid.ts";

export interface Datatype {
  readonly code: number;
  readonly name: string;
  readonly bytes: number;
}

type Numbers = ArrayLike<number>;
type View = new (buffer: ArrayBuffer, offset: number, length: number) => Numbers;

const KINDS: Readonly<Record<number, Datatype & { readonly view: View | "int64" | "uint64" }>> = {
  2: { code: 2, name: "uint8", bytes: 1, view: Uint8Array },
  4: { code: 4, name: "int16", bytes: 2, view: Int16Array },
  8: { code: 8, name: "int32", bytes: 4, view: Int32Array },
  16: { code: 16, name: "float32", bytes: 4, view: Float32Array },
  64: { code: 64, name: "float64", bytes: 8, view: Float64Array },
  256: { code: 256, name: "int8", bytes: 1, view: Int8Array },
  512: { code: 512, name: "uint16", bytes: 2, view: Uint16Array },
  768: { code: 768, name: "uint32", bytes: 4, view: Uint32Array },
  1024: { code: 1024, name: "int64", bytes: 8, view: "int64" },
  1280: { code: 1280, name: "uint64", bytes: 8, view: "uint64" },
};

const REFUSED: Readonly<Record<number, string>> = {
  1: "1-bit",
  32: "complex64",
  128: "RGB24",
  1536: "float128",
  1792: "complex128",
  2048: "complex256",
  2304: "RGBA32",
};

/**
 * The datatype of a NIfTI code.
 * @throws {VolumeError} when it is not a real number of up to 64 bits
 */
export function datatypeOf(code: number): Datatype {
  const kind = KINDS[code];
  if (!kind) {
    throw new VolumeError(
      `Cannot read a NIfTI header: expected voxels of integers or floats up to 64 bits, got ${
        REFUSED[code] ?? `datatype ${code}`
      }`,
    );
  }
  return { code: kind.code, name: kind.name, bytes: kind.bytes };
}

/** Turns stored bytes into float64 numbers; the bytes are swapped in place where they are big-endian. */
export function decodeVoxels(
  stored: Uint8Array<ArrayBuffer>,
  { datatype, littleEndian }: { datatype: Datatype; littleEndian: boolean },
  into: Float64Array,
): void {
  const { bytes, view } = KINDS[datatype.code];
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
