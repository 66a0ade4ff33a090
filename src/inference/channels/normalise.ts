/** Normalisations of intensities: what becomes of the voxels of a case's channels, on whatever grid they are. */
import { coreValues, type Foreground, type GridImage, percentiles } from "../../volume/mod.ts";
import type { Normalisation, StatisticsOver } from "../preprocessing.ts";

/** A channel whose voxels are normalised in place. */
export interface RawChannel {
  readonly image: GridImage;
  /** Its tissue; needed over the foreground alone. */
  readonly foreground?: Foreground;
  /** 1 where some channel of the case is not 0, holes filled; needed over the mask alone. */
  readonly mask?: Uint8Array;
}

/** Normalises channels by the entry of each, or together by one entry with `joint`. */
export function normalise(channels: readonly RawChannel[], entryOf: (channel: number) => Normalisation): void {
  const first = entryOf(0);
  if ("joint" in first && first.joint) {
    const chosen = channels.map((channel) => chosenBy(first.over, channel));
    const map = mapOf(first, joined(chosen.map(({ values }) => values)));
    channels.forEach(({ image }, c) => change(image.data, map, chosen[c]));
    return;
  }
  for (const [c, channel] of channels.entries()) {
    const entry = entryOf(c), { data } = channel.image;
    if (!("over" in entry)) change(data, mapOf(entry, data), EVERYWHERE);
    else {
      const chosen = chosenBy(entry.over, channel);
      change(data, mapOf(entry, chosen.values), chosen);
    }
  }
}

/** The voxels that a normalisation looks at and changes. */
interface Chosen {
  /** 1 where a voxel is changed; null: everywhere, or wherever it is not 0. */
  readonly mask: Uint8Array | null;
  /** What becomes of the others. */
  readonly others: "none" | "zero" | "kept" | "zeros-kept";
}

const EVERYWHERE: Chosen = { mask: null, others: "none" };

function chosenBy(over: StatisticsOver, channel: RawChannel): Chosen & { readonly values: Float32Array } {
  const { image, foreground, mask } = channel, { data } = image;
  switch (over) {
    case "volume":
      return { ...EVERYWHERE, values: data };
    case "nonzero":
      return { mask: null, others: "zeros-kept", values: data.filter((v) => v !== 0) };
    case "mask":
      return { mask: needed(mask, over), others: "kept", values: data.filter((_, v) => mask![v] === 1) };
    case "foreground": {
      const found = needed(foreground, over);
      // A background of 0 is the same for files that have 0 there, another constant, or noise.
      return { mask: found.mask, others: "zero", values: coreValues(image, found) };
    }
  }
}

function needed<T>(value: T | undefined, over: StatisticsOver): T {
  if (value === undefined) throw new TypeError(`Cannot normalise over ${over}: expected it with the channel, got none`);
  return value;
}

function change(data: Float32Array, map: (value: number) => number, { mask, others }: Chosen): void {
  if (others === "none") { for (let v = 0; v < data.length; v++) data[v] = map(data[v]); }
  else if (others === "zeros-kept") { for (let v = 0; v < data.length; v++) if (data[v] !== 0) data[v] = map(data[v]); }
  else if (others === "kept") { for (let v = 0; v < data.length; v++) if (mask![v] === 1) data[v] = map(data[v]); }
  else for (let v = 0; v < data.length; v++) data[v] = mask![v] === 1 ? map(data[v]) : 0;
}

const UNCHANGED = (value: number) => value;

/** What becomes of a value, by the values that statistics are taken over. */
function mapOf(entry: Normalisation, values: Float32Array): (value: number) => number {
  if ("over" in entry && values.length === 0) return UNCHANGED;
  switch (entry.kind) {
    case "none":
      return UNCHANGED;
    case "percentiles": {
      const [low, high] = percentiles(values, [entry.lower, entry.upper]);
      return ranged([low, high], entry.to ?? [0, 1], entry.clip);
    }
    case "min-max":
      return ranged(extremes(values), entry.to, false);
    case "range":
      return ranged(entry.from, entry.to, entry.clip);
    case "fixed": {
      const { mean, deviation, clip: [low, high] = [-Infinity, Infinity] } = entry;
      return (value) => (Math.min(Math.max(value, low), high) - mean) / deviation;
    }
    case "z-score": {
      const [low, high] = entry.clipPercentiles === undefined
        ? [-Infinity, Infinity]
        : percentiles(values, entry.clipPercentiles);
      const { mean, deviation } = moments(values, (value) => Math.min(Math.max(value, low), high));
      return (value) => (Math.min(Math.max(value, low), high) - mean) / deviation;
    }
  }
}

type Range = readonly [number, number];

/** `from` to `to`; where the two of `from` are one, differences from it, without a clip, as in MONAI. */
function ranged([low, high]: Range, [least, most]: Range, clip: boolean): (value: number) => number {
  const span = high - low, width = most - least;
  if (span === 0) return (value) => value - low + least;
  if (width !== 1 || least !== 0) {
    const scaled = (value: number) => (value - low) / span * width + least;
    return clip ? (value) => Math.min(Math.max(scaled(value), least), most) : scaled;
  }
  if (clip) return (value) => Math.min(Math.max((value - low) / span, 0), 1);
  return (value) => (value - low) / span;
}

function extremes(values: Float32Array): Range {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** Mean and deviation of the population, which is 1 where all values are one. */
function moments(values: Float32Array, of: (value: number) => number): { mean: number; deviation: number } {
  let sum = 0;
  for (const v of values) sum += of(v);
  const mean = sum / values.length;
  let squares = 0;
  for (const v of values) squares += (of(v) - mean) ** 2;
  const deviation = Math.sqrt(squares / values.length);
  return { mean, deviation: deviation === 0 ? 1 : deviation };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
