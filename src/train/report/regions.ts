/** Overlapping masks of a volume, a bit each: those of thirty labels on a large grid would not fit side by side. */
export class Regions {
  readonly #words: readonly Uint32Array[];

  constructor(voxels: number, count: number) {
    this.#words = Array.from({ length: Math.ceil(count / 32) }, () => new Uint32Array(voxels));
  }

  add(voxel: number, region: number): void {
    this.#words[region >> 5][voxel] |= 1 << (region & 31);
  }

  /** 0 and 1. */
  maskOf(region: number): Uint8Array {
    return Uint8Array.from(this.#words[region >> 5], (word) => word >>> (region & 31) & 1);
  }
}
