/**
 * The facts of a volume that tell whether it can be what it is taken for: plain JSON, one record per volume, made once
 * while the voxels are in memory. The checks beside this file, of inference and of data sets, need nothing else.
 */
import {
  applyAffine,
  type Box,
  boxSize,
  perAxis,
  spacingOf,
  type Triple,
  type Volume,
  voxelMl,
} from "../../volume/mod.ts";
import type { Warning } from "../types.ts";

/** A volume's tissue, as `findForeground()` reports it. */
export interface Tissue {
  /** `whole`: the field of view lies within tissue, so no head can be measured; `none`: nothing differs from the rest. */
  readonly kind: "part" | "whole" | "none";
  readonly voxels: number;
  readonly box: Box | null;
}

/** A box in space, mm in RAS, whose sides run along the axes of the world. */
export interface WorldBox {
  readonly lowMm: Triple;
  readonly highMm: Triple;
}

export interface VolumeFacts {
  readonly sizeVox: Triple;
  /** 16 numbers, row-major. */
  readonly affineRas: readonly number[];
  /** False: the file says no place and no orientation. */
  readonly positioned: boolean;
  /** Doubts that reading the header left. */
  readonly doubts: readonly Warning[];
  /** Least and greatest intensity. */
  readonly range: { readonly min: number; readonly max: number };
  /** Voxels that were NaN or infinite and count as 0. */
  readonly nonFiniteVoxels: number;
  readonly foreground: {
    readonly kind: Tissue["kind"];
    readonly voxels: number;
    readonly volumeMl: number;
    /** Along the voxel axes; null where there is none. */
    readonly extentMm: Triple | null;
    readonly box: WorldBox | null;
  };
  /** Equal for volumes of the same voxel values, see {@link hashOfValues}. */
  readonly valuesHash: string;
}

/** The facts of a volume and its foreground. */
export function factsOf(volume: Volume, { kind, voxels, box }: Tissue): VolumeFacts {
  const { sizeVox, affineRas, data, nonFiniteVoxels } = volume;
  const { positioned, doubts } = volume.header;
  let min = Infinity, max = -Infinity;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const spacing = spacingOf(affineRas);
  const size = box && boxSize(box);
  return {
    sizeVox,
    affineRas: [...affineRas],
    positioned,
    doubts,
    range: { min, max },
    nonFiniteVoxels,
    foreground: {
      kind,
      voxels,
      volumeMl: voxels * voxelMl(affineRas),
      extentMm: size && perAxis((a) => size[a] * spacing[a]),
      box: box && worldBox(box, affineRas),
    },
    valuesHash: hashOfValues(data),
  };
}

/** Tissue that fills more of its box than this is a block that was cut out of a head; a head fills 0.5 to 0.65. */
const BLOCK = 0.85;

/** The sides of the head that a volume shows, mm; null where it shows none, or a part of one. */
export function headOf({ foreground: { kind, extentMm, volumeMl } }: VolumeFacts): Triple | null {
  if (kind !== "part" || extentMm === null) return null;
  const [x, y, z] = extentMm;
  return 1000 * volumeMl > BLOCK * x * y * z ? null : extentMm;
}

/** The box around a box of voxels, whose faces lie half a voxel beyond the outer voxels' centres. */
export function worldBox({ start, end }: Box, affineRas: readonly number[]): WorldBox {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
    applyAffine(affineRas, perAxis((a) => (k >> a & 1 ? end[a] : start[a]) - 0.5))
  );
  return {
    lowMm: perAxis((a) => Math.min(...corners.map((c) => c[a]))),
    highMm: perAxis((a) => Math.max(...corners.map((c) => c[a]))),
  };
}

/** The box around two boxes. */
export function boxAround(a: WorldBox, b: WorldBox): WorldBox {
  return {
    lowMm: perAxis((i) => Math.min(a.lowMm[i], b.lowMm[i])),
    highMm: perAxis((i) => Math.max(a.highMm[i], b.highMm[i])),
  };
}

/** Share of the smaller box that lies in the other. */
export function sharedOf(a: WorldBox, b: WorldBox): number {
  const volumeOf = (box: WorldBox) =>
    perAxis((i) => Math.max(box.highMm[i] - box.lowMm[i], 0)).reduce((product, side) => product * side, 1);
  const shared = {
    lowMm: perAxis((i) => Math.max(a.lowMm[i], b.lowMm[i])),
    highMm: perAxis((i) => Math.min(a.highMm[i], b.highMm[i])),
  };
  return volumeOf(shared) / Math.min(volumeOf(a), volumeOf(b));
}

/**
 * A hash of the values that are not 0, whatever their order: an image is recognised after it was compressed again, turned
 * to other axes, or given a margin of zeros.
 */
export function hashOfValues(data: Float32Array): string {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let count = 0, a = 0, b = 0;
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i];
    if ((value & 0x7fffffff) === 0) continue;
    count++;
    // Sums of mixed values (the finaliser of murmur3, and another) do not depend on the order.
    let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
    a = (a + mixed) | 0;
    let other = Math.imul(value ^ 0x9e3779b9, 0x27d4eb2f);
    other = Math.imul(other ^ (other >>> 15), 0x165667b1);
    b = (b + (other ^ (other >>> 14))) | 0;
  }
  const hex = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
  return `${count.toString(16)}-${hex(a)}${hex(b)}`;
}
