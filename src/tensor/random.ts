/**
 * Seeded pseudo-random numbers, the same on every machine: xoshiro128** (Blackman and Vigna 2018) seeded through
 * SHA-256. Not for secrets.
 */
import { createHash } from "node:crypto";

const rotateLeft = (x: number, k: number) => (x << k) | (x >>> (32 - k));

/** A stream of numbers. Streams forked under different labels are independent of each other and of what was drawn. */
export class Random {
  readonly #seed: string;
  readonly #state: Uint32Array;
  #spare: number | undefined;

  constructor(seed: number | string) {
    this.#seed = String(seed);
    const digest = createHash("sha256").update(this.#seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (i) => digest.readUInt32LE(i));
  }

  /** The stream of a part of the work, for example `fork("step 12")`: it depends on seed and label only. */
  fork(label: string): Random {
    return new Random(`${this.#seed}/${label}`);
  }

  /** An integer, 0 ≤ n < 2³². */
  uint32(): number {
    return nextXoshiro(this.#state);
  }

  /** Uniform in [0, 1), with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** A uniform integer, 0 ≤ n < `below` ≤ 2³². */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** Standard normal, by Box and Muller's transform. */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Puts `items` in random order, in place (Fisher and Yates). */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

/** Advances a xoshiro128** state of four words, not all zero, and returns the next number. */
export function nextXoshiro(s: Uint32Array): number {
  const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
  const t = s[1] << 9;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotateLeft(s[3], 11);
  return result;
}
