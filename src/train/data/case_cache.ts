/** Cases by number, the last used ones in memory, so that memory does not grow with their number. */

/** Bytes of cases that stay in memory. */
const CACHE_BYTES = 2 ** 31;

interface Loaded<T> {
  readonly value: T;
  readonly bytes: number;
}

export class CaseCache<T extends object> {
  readonly #load: (i: number) => Promise<T>;
  readonly #most: number;
  /** In the order of use: the first entry has not been used for longest. */
  readonly #memory = new Map<number, Loaded<T>>();
  #bytes = 0;

  constructor(load: (i: number) => Promise<T>, mostBytes: number = CACHE_BYTES) {
    this.#load = load;
    this.#most = mostBytes;
  }

  /** Bytes of the cases in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Case `i`, from memory or loaded now. */
  async get(i: number): Promise<T> {
    const found = this.#memory.get(i) ?? sized(await this.#load(i));
    if (!this.#memory.delete(i)) this.#bytes += found.bytes;
    this.#memory.set(i, found);
    for (const [old, { bytes }] of this.#memory) {
      if (this.#bytes <= this.#most || this.#memory.size === 1) break;
      this.#memory.delete(old);
      this.#bytes -= bytes;
    }
    return found.value;
  }

  /** Forgets all cases. */
  clear(): void {
    this.#memory.clear();
    this.#bytes = 0;
  }
}

/** A case with the bytes of its arrays, also of those that its file does not hold. */
function sized<T extends object>(value: T): Loaded<T> {
  const arrays = new Set(Object.values(value).flat().filter(ArrayBuffer.isView));
  return { value, bytes: [...arrays].reduce((n, { byteLength }) => n + byteLength, 0) };
}
