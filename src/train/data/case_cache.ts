/** Prepared cases on disk, a few of them in memory: memory does not grow with their number. Knows not what they hold. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { InferenceError } from "../../inference/mod.ts";
import { TrainingError } from "../types.ts";

/** Bytes of cases that are kept in memory. */
const CACHE_BYTES = 2 ** 31;

export interface CaseCacheOptions<T> {
  readonly directory: string;
  /** One a case; changes with anything that changes what the case holds. */
  readonly keys: readonly string[];
  readonly prepare: (i: number) => Promise<T>;
  readonly write: (path: string, value: T) => Promise<void>;
  /** Case `i` from disk; null where there is none or the file is damaged. */
  readonly read: (path: string, i: number) => Promise<T | null>;
  readonly sizeInBytes: (value: T) => number;
  /** Bytes of cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
  readonly onCase?: (done: number, total: number) => void;
}

/** Random access to prepared cases. */
export class CaseCache<T> {
  readonly #options: CaseCacheOptions<T>;
  readonly #memory = new Map<number, T>();
  #bytes = 0;

  private constructor(options: CaseCacheOptions<T>) {
    this.#options = options;
  }

  /**
   * Prepares every case that is not on disk yet.
   * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
   */
  static async open<T>(options: CaseCacheOptions<T>): Promise<CaseCache<T>> {
    await mkdir(options.directory, { recursive: true });
    const cases = new CaseCache(options);
    for (let i = 0; i < cases.length; i++) {
      await cases.get(i);
      options.onCase?.(i + 1, cases.length);
    }
    return cases;
  }

  get length(): number {
    return this.#options.keys.length;
  }

  /** Bytes of the cases in memory. */
  get bytesInMemory(): number {
    return this.#bytes;
  }

  /** Case `i`, from memory, from disk, or prepared now. */
  async get(i: number): Promise<T> {
    const known = this.#memory.get(i);
    if (known !== undefined) {
      this.#memory.delete(i);
      this.#memory.set(i, known);
      return known;
    }
    const path = join(this.#options.directory, `${this.#options.keys[i]}.case`);
    const value = await this.#options.read(path, i) ?? await this.#prepare(i, path);
    this.#remember(i, value);
    return value;
  }

  #remember(i: number, value: T): void {
    const { cacheBytes = CACHE_BYTES, sizeInBytes } = this.#options;
    this.#memory.set(i, value);
    this.#bytes += sizeInBytes(value);
    for (const [old, other] of this.#memory) {
      if (this.#bytes <= cacheBytes || this.#memory.size === 1) break;
      this.#memory.delete(old);
      this.#bytes -= sizeInBytes(other);
    }
  }

  async #prepare(i: number, path: string): Promise<T> {
    try {
      const value = await this.#options.prepare(i);
      await this.#options.write(path, value);
      return value;
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: ${error.message}`, { cause: error });
    }
  }
}
