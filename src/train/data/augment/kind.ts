/** A kind of change of intensities, and the draws that kinds share. Changes leave their input unchanged. */
import type { Random } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";

/** The crop whose intensities change. */
export interface CropShape {
  readonly channels: number;
  readonly size: Triple;
  /** The axis along which voxels are much longer than along the others; null: there is none. */
  readonly thick: number | null;
}

/** A new array [X, Y, Z] of one channel's intensities. */
export type Edit = (data: Float32Array) => Float32Array;

export interface IntensityKind {
  readonly name: string;
  /** The change of every channel, null of one that stays; null: all stay. */
  readonly draw: (augmentation: Augmentation, crop: CropShape, random: Random) => readonly (Edit | null)[] | null;
}

/** Whether something of this chance happens. */
export const happens = (chance: number, random: Random): boolean => random.uniform() < chance;

export const between = (low: number, high: number, random: Random): number => low + (high - low) * random.uniform();

/** A factor between `smallest` ≤ 1 and `largest` ≥ 1, as often below 1 as above. */
export function factorAround1(smallest: number, largest: number, random: Random): number {
  return happens(0.5, random) ? between(smallest, 1, random) : between(1, largest, random);
}

/** An edit for every channel, each from its own draw. */
export const forEach = <T>(channels: number, draw: (channel: number) => T): T[] =>
  Array.from({ length: channels }, (_, c) => draw(c));
