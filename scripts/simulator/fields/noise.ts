/** Normal numbers by the million and tiles of smooth noise: what {@link Random} is too slow for. */
import { nextXoshiro, type Random } from "../../../src/tensor/random.ts";
import type { Triple } from "../../../src/volume/mod.ts";
import { smooth } from "./smooth.ts";

const QUANTILES = 1 << 14;

/** Standard normal numbers by table: 16,384 quantiles, so none lies beyond ±4.1. */
export class Normals {
  readonly #state: Uint32Array;
  #spare = -1;

  constructor(random: Random) {
    // Not all zero: xoshiro would stay there.
    this.#state = Uint32Array.from({ length: 4 }, (_, i) => random.uint32() + Number(i === 0));
    this.#state[3] |= 1;
  }

  next(): number {
    const table = quantiles();
    if (this.#spare >= 0) {
      const at = this.#spare;
      this.#spare = -1;
      return table[at];
    }
    const bits = nextXoshiro(this.#state);
    this.#spare = bits & (QUANTILES - 1);
    return table[bits >>> 18];
  }
}

let made: Float32Array | undefined;

/** The normal distribution's quantiles at (i + ½) / {@link QUANTILES}. */
function quantiles(): Float32Array {
  return made ??= Float32Array.from({ length: QUANTILES }, (_, i) => normalQuantile((i + 0.5) / QUANTILES));
}

/** By bisection of the distribution function: exact enough, and run once. */
function normalQuantile(p: number): number {
  let low = -9, high = 9;
  for (let n = 0; n < 50; n++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The share of a standard normal below `x` (Abramowitz and Stegun 26.2.17, error below 1e-7). */
function normalShare(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI) * series;
  return x > 0 ? 1 - tail : tail;
}

/** Side of a tile, voxels: a power of two, so that a place in it is a mask of bits. */
export const TILE = 64;

/** Noise on a cube that repeats itself: mean 0, deviation 1, smoothed by `sigmaVox`. */
export function noiseTile(random: Random, sigmaVox: number): Float32Array {
  const normals = new Normals(random);
  const size: Triple = [TILE, TILE, TILE];
  const tile = Float32Array.from({ length: TILE ** 3 }, () => normals.next());
  smooth(tile, size, { sigmaVox: [sigmaVox, sigmaVox, sigmaVox], edge: "repeat" });
  let squares = 0;
  for (const v of tile) squares += v * v;
  const scale = Math.sqrt(tile.length / squares);
  for (let i = 0; i < tile.length; i++) tile[i] *= scale;
  return tile;
}
