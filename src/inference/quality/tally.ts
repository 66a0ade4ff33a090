/**
 * Sums over the voxels of an answer, taken while its windows are blended, so that neither probabilities nor masks are kept:
 * from them the score of each label is made. Where the network ran in several passes, the first one is the answer.
 */

/** One label's sums, in voxels. */
export interface LabelSums {
  /** Σ of its probabilities. */
  readonly probable: number;
  /** The same within its mask. */
  readonly probableInside: number;
  /** Voxels of its mask. */
  readonly voxels: number;
  /** Its greatest probability. */
  readonly greatest: number;
  /** Of each further pass: voxels of its mask, and those that it shares with the answer's. */
  readonly passes: readonly { readonly voxels: number; readonly shared: number }[];
}

/** Adds voxels up. */
export class Tally {
  readonly #probable: Float64Array;
  readonly #inside: Float64Array;
  readonly #voxels: Float64Array;
  readonly #greatest: Float64Array;
  readonly #passVoxels: Float64Array;
  readonly #passShared: Float64Array;
  /** 1 for the labels of the voxel that was added last. */
  readonly #own: Uint8Array;

  /** @param passes further passes beside the answer's own */
  constructor(readonly labels: number, readonly passes: number) {
    this.#probable = new Float64Array(labels);
    this.#inside = new Float64Array(labels);
    this.#voxels = new Float64Array(labels);
    this.#greatest = new Float64Array(labels);
    this.#passVoxels = new Float64Array(labels * passes);
    this.#passShared = new Float64Array(labels * passes);
    this.#own = new Uint8Array(labels);
  }

  /** Adds a voxel of the answer: its probabilities, and its labels, the first `count` of `found`. */
  add(probabilities: Float32Array, found: Uint8Array, count: number): void {
    for (let c = 0; c < probabilities.length; c++) {
      const p = probabilities[c];
      this.#probable[c] += p;
      if (p > this.#greatest[c]) this.#greatest[c] = p;
    }
    if (this.passes > 0) this.#own.fill(0);
    for (let i = 0; i < count; i++) {
      const c = found[i];
      this.#own[c] = 1;
      this.#inside[c] += probabilities[c];
      this.#voxels[c]++;
    }
  }

  /** Adds the labels that a further pass gives the voxel that was added last. */
  compare(pass: number, found: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = pass * this.labels + found[i];
      this.#passVoxels[at]++;
      this.#passShared[at] += this.#own[found[i]];
    }
  }

  /** The sums of each label. */
  sums(): LabelSums[] {
    return Array.from({ length: this.labels }, (_, c) => ({
      probable: this.#probable[c],
      probableInside: this.#inside[c],
      voxels: this.#voxels[c],
      greatest: this.#greatest[c],
      passes: Array.from({ length: this.passes }, (_, p) => ({
        voxels: this.#passVoxels[p * this.labels + c],
        shared: this.#passShared[p * this.labels + c],
      })),
    }));
  }
}
