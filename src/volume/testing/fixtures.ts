/** Test files and grids made from nothing: NIfTI bytes field by field, random grids and volumes with fixed seeds. */
import { Buffer } from "node:buffer";
import { type Grid, multiplyAffines, perAxis, spacingAffine, type Triple, voxelsOf } from "../grid/grid.ts";

export interface Made {
  readonly version?: 1 | 2;
  readonly littleEndian?: boolean;
  /** NIfTI datatype code and how one value is stored, default float32. */
  readonly code?: number;
  readonly dims?: readonly number[];
  /** Stored values, x fastest. */
  readonly values?: readonly number[];
  readonly slope?: number;
  readonly inter?: number;
  readonly pixdim?: readonly number[];
  readonly units?: number;
  readonly qform?: { readonly code: number; readonly bcd: readonly number[]; readonly offset: readonly number[] };
  readonly sform?: { readonly code: number; readonly rows: readonly number[] };
  readonly dataOffset?: number;
  readonly magic?: string;
  /** Put into every free-text field. */
  readonly text?: string;
}

type Put = (view: DataView, at: number, value: number, little: boolean) => void;
const STORED: Readonly<Record<number, { bytes: number; put: Put }>> = {
  2: { bytes: 1, put: (v, at, x) => v.setUint8(at, x) },
  4: { bytes: 2, put: (v, at, x, le) => v.setInt16(at, x, le) },
  8: { bytes: 4, put: (v, at, x, le) => v.setInt32(at, x, le) },
  16: { bytes: 4, put: (v, at, x, le) => v.setFloat32(at, x, le) },
  64: { bytes: 8, put: (v, at, x, le) => v.setFloat64(at, x, le) },
  256: { bytes: 1, put: (v, at, x) => v.setInt8(at, x) },
  512: { bytes: 2, put: (v, at, x, le) => v.setUint16(at, x, le) },
  768: { bytes: 4, put: (v, at, x, le) => v.setUint32(at, x, le) },
  1024: { bytes: 8, put: (v, at, x, le) => v.setBigInt64(at, BigInt(x), le) },
  1280: { bytes: 8, put: (v, at, x, le) => v.setBigUint64(at, BigInt(x), le) },
};

/** Offsets of the fields that differ between the versions. */
const PLACES = {
  1: { dim: 40, pixdim: 76, offset: 108, slope: 112, units: 123, codes: 252, quatern: 256, srow: 280, magic: 344 },
  2: { dim: 16, pixdim: 104, offset: 168, slope: 176, units: 500, codes: 344, quatern: 352, srow: 400, magic: 4 },
};
const TEXTS = { 1: [[4, 10], [14, 18], [148, 80], [228, 24], [328, 16]], 2: [[240, 80], [320, 24], [508, 16]] };

/** The bytes of a NIfTI file. */
export function makeNifti(made: Made = {}): Uint8Array {
  const { version = 1, littleEndian: le = true, code = 16, dims = [3, 2, 2, 2, 1, 1, 1, 1], values = [] } = made;
  const least = version === 1 ? 352 : 544;
  const { dataOffset = least, pixdim = [1, 1, 1, 1, 0, 0, 0, 0], slope = 0, inter = 0, units = 2 } = made;
  const kind = STORED[code] ?? { bytes: 4, put: STORED[16].put };
  const at = PLACES[version];
  const out = new Uint8Array(Math.max(dataOffset, least) + values.length * kind.bytes);
  const view = new DataView(out.buffer);
  const real = (offset: number, k: number, v: number) =>
    version === 1 ? view.setFloat32(offset + 4 * k, v, le) : view.setFloat64(offset + 8 * k, v, le);
  const whole = (offset: number, k: number, v: number) =>
    version === 1 ? view.setInt16(offset + 2 * k, v, le) : view.setInt32(offset + 4 * k, v, le);

  if (made.text) {
    for (const [start, length] of TEXTS[version]) {
      out.set(new TextEncoder().encode(made.text).subarray(0, length), start);
    }
  }
  view.setInt32(0, version === 1 ? 348 : 540, le);
  dims.forEach((n, k) =>
    version === 1 ? view.setInt16(at.dim + 2 * k, n, le) : view.setBigInt64(at.dim + 8 * k, BigInt(n), le)
  );
  view.setInt16(version === 1 ? 70 : 12, code, le);
  view.setInt16(version === 1 ? 72 : 14, 8 * kind.bytes, le);
  pixdim.forEach((v, k) => real(at.pixdim, k, v));
  if (version === 1) view.setFloat32(at.offset, dataOffset, le);
  else view.setBigInt64(at.offset, BigInt(dataOffset), le);
  real(at.slope, 0, slope);
  real(at.slope, 1, inter);
  if (version === 1) out[at.units] = units;
  else view.setInt32(at.units, units, le);
  whole(at.codes, 0, made.qform?.code ?? 0);
  whole(at.codes, 1, made.sform?.code ?? 0);
  [...made.qform?.bcd ?? [], ...made.qform?.offset ?? []].forEach((v, k) => real(at.quatern, k, v));
  made.sform?.rows.forEach((v, k) => real(at.srow, k, v));
  const magic = made.magic ?? (version === 1 ? "n+1\0" : "n+2\0\r\n\x1a\n");
  out.set(Buffer.from(magic, "latin1"), at.magic);
  values.forEach((v, k) => kind.put(view, dataOffset + k * kind.bytes, v, le));
  return out;
}

/** Random numbers in [0, 1) with a seed (Park and Miller). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48271 % 2147483647) / 2147483647;
}

/** All 48 ways in which voxel axes can lie along ±R, ±A, ±S. */
export const ORIENTATIONS: readonly { readonly order: Triple; readonly sign: Triple }[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
].flatMap(([a, b, c]) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((k) => ({
    order: [a, b, c] as const,
    sign: perAxis((i) => k >> i & 1 ? -1 : 1),
  }))
);

/** A grid whose voxel axis i runs along world axis `order[i]` in direction `sign[i]`. */
export function orientedGrid(
  sizeVox: Triple,
  { order, sign, spacingMm = [1, 1, 1] }: { order: Triple; sign: Triple; spacingMm?: Triple },
): Grid {
  const turn = new Array<number>(16).fill(0);
  turn[15] = 1;
  for (const i of [0, 1, 2]) {
    turn[4 * order[i] + i] = sign[i];
    turn[4 * i + 3] = 10 * i - 7;
  }
  return { sizeVox, affineRas: multiplyAffines(turn, spacingAffine(spacingMm)) };
}

/** A grid turned by small angles about all axes. */
export function oblique({ sizeVox, affineRas }: Grid, [a, b, c]: Triple): Grid {
  const { sin, cos } = Math;
  const x = [1, 0, 0, 0, 0, cos(a), -sin(a), 0, 0, sin(a), cos(a), 0, 0, 0, 0, 1];
  const y = [cos(b), 0, sin(b), 0, 0, 1, 0, 0, -sin(b), 0, cos(b), 0, 0, 0, 0, 1];
  const z = [cos(c), -sin(c), 0, 0, sin(c), cos(c), 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return { sizeVox, affineRas: multiplyAffines(multiplyAffines(x, multiplyAffines(y, z)), affineRas) };
}

/** Whole numbers from 0 to `below` − 1 for every voxel. */
export function randomLabels(sizeVox: Triple, below: number, random: () => number): Float32Array {
  return Float32Array.from({ length: voxelsOf(sizeVox) }, () => Math.floor(random() * below));
}

/**
 * Asserts that two lists agree within `tolerance`.
 * @throws {Error} naming the worst element
 */
export function assertAllClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  if (actual.length !== expected.length) throw new Error(`expected ${expected.length} values, got ${actual.length}`);
  let worst = 0;
  const miss = (i: number) => {
    const difference = Math.abs(actual[i] - expected[i]);
    return Number.isNaN(difference) ? Infinity : difference;
  };
  for (let i = 1; i < actual.length; i++) if (miss(i) > miss(worst)) worst = i;
  if (actual.length > 0 && miss(worst) > tolerance) {
    throw new Error(`expected ${expected[worst]} ± ${tolerance} at ${worst}, got ${actual[worst]}`);
  }
}
