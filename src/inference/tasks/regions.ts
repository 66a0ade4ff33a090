/** Overlapping masks of a volume, a bit each: those of thirty labels on a large grid would not fit side by side. */
export class Regions {
  readonly #words: readonly Uint32Array[];

  constructor(readonly voxels: number, readonly count: number) {
    this.#words = Array.from({ length: Math.ceil(count / 32) }, () => new Uint32Array(voxels));
  }

  add(voxel: number, region: number): void {
    this.#words[region >> 5][voxel] |= 1 << (region & 31);
  }

  /** 0 and 1. */
  maskOf(region: number): Uint8Array {
    const words = this.#words[region >> 5], shift = region & 31, mask = new Uint8Array(this.voxels);
    for (let v = 0; v < mask.length; v++) mask[v] = words[v] >>> shift & 1;
    return mask;
  }

  /** Puts a mask in the place of a region. */
  replace(region: number, mask: Uint8Array): void {
    const words = this.#words[region >> 5], bit = 1 << (region & 31);
    for (let v = 0; v < mask.length; v++) words[v] = mask[v] ? words[v] | bit : words[v] & ~bit;
  }

  /** True where a voxel is in no region. */
  isFree(voxel: number): boolean {
    return this.#words.every((words) => words[voxel] === 0);
  }

  /** Writes the regions of a voxel, ascending, into `found`; returns their number. */
  regionsOf(voxel: number, found: Uint8Array): number {
    let count = 0;
    for (let w = 0; w < this.#words.length; w++) {
      for (let left = this.#words[w][voxel]; left !== 0;) {
        const bit = 31 - Math.clz32(left & -left);
        found[count++] = 32 * w + bit;
        left ^= 1 << bit;
      }
    }
    return count;
  }
}
