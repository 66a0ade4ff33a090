/**
 * Prepared cases on disk, the last used ones in memory, so that memory does not grow with their number. A case is a
 * safetensors file: its arrays as tensors, the rest in the metadata. Knows nothing of what a case shows.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InferenceError } from "../../inference/mod.ts";
import { type Tensor, tensor } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { TrainingError } from "../types.ts";
import { readTensorFile, writeTensorFile } from "./tensor_file.ts";

/** Bytes of cases that stay in memory. */
const CACHE_BYTES = 2 ** 31;

/** A case as a file holds it. */
export interface StoredCase<H> {
  /** Everything but the arrays, as JSON can hold it. */
  readonly header: H;
  readonly sizeVox: Triple;
  /** Arrays [X, Y, Z]. */
  readonly floats: readonly Float32Array[];
  readonly masks: readonly Uint8Array[];
}

export interface CaseStoreOptions<T extends object, H> {
  readonly directory: string;
  /** One a case, from `caseKey()`. */
  readonly keys: readonly string[];
  readonly prepare: (i: number) => Promise<T>;
  readonly pack: (value: T, i: number) => StoredCase<H>;
  readonly unpack: (stored: StoredCase<H>, i: number) => T;
  /** Bytes of cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number | undefined;
  readonly onCase?: ((done: number, total: number) => void) | undefined;
}

interface Loaded<T> {
  readonly value: T;
  readonly bytes: number;
}

/** Random access to prepared cases. */
export class CaseStore<T extends object> {
  readonly length: number;
  readonly #load: (i: number) => Promise<Loaded<T>>;
  readonly #cacheBytes: number;
  /** In the order of use: the first entry has not been used for longest. */
  readonly #memory = new Map<number, Loaded<T>>();
  #bytes = 0;

  private constructor(length: number, options: { load: (i: number) => Promise<Loaded<T>>; cacheBytes: number }) {
    this.length = length;
    this.#load = options.load;
    this.#cacheBytes = options.cacheBytes;
  }

  /**
   * Prepares every case that is not on disk yet.
   * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
   */
  static async open<T extends object, H>(options: CaseStoreOptions<T, H>): Promise<CaseStore<T>> {
    const { keys, cacheBytes = CACHE_BYTES, onCase } = options;
    const store = new CaseStore(keys.length, { load: (i) => loadCase(i, options), cacheBytes });
    for (let i = 0; i < store.length; i++) {
      await store.get(i);
      onCase?.(i + 1, store.length);
    }
    return store;
  }

  /** Bytes of the cases in memory. */
  get bytesInMemory(): number {
    return this.#bytes;
  }

  /** Case `i`, from memory, from disk, or prepared now. */
  async get(i: number): Promise<T> {
    const found = this.#memory.get(i) ?? await this.#load(i);
    if (!this.#memory.delete(i)) this.#bytes += found.bytes;
    this.#memory.set(i, found);
    for (const [old, { bytes }] of this.#memory) {
      if (this.#bytes <= this.#cacheBytes || this.#memory.size === 1) break;
      this.#memory.delete(old);
      this.#bytes -= bytes;
    }
    return found.value;
  }
}

async function loadCase<T extends object, H>(
  i: number,
  { directory, keys, prepare, pack, unpack }: CaseStoreOptions<T, H>,
): Promise<Loaded<T>> {
  const path = join(directory, `${keys[i]}.case`);
  const known = await readCase<H>(path);
  if (known !== null) return loaded(unpack(known, i));
  const value = await prepare(i).catch((error) => {
    if (!(error instanceof InferenceError)) throw error;
    throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: ${error.message}`, { cause: error });
  });
  await writeCase(path, pack(value, i));
  return loaded(value);
}

/** A case with the bytes of its arrays, also of those that its file does not hold. */
function loaded<T extends object>(value: T): Loaded<T> {
  const arrays = Object.values(value).flat().filter(ArrayBuffer.isView);
  return { value, bytes: arrays.reduce((n, { byteLength }) => n + byteLength, 0) };
}

async function writeCase(path: string, { header, sizeVox, floats, masks }: StoredCase<unknown>): Promise<void> {
  const tensors = new Map<string, Tensor>();
  floats.forEach((data, k) => tensors.set(`float/${k}`, tensor("float32", sizeVox, data)));
  masks.forEach((data, k) => tensors.set(`mask/${k}`, tensor("uint8", sizeVox, data)));
  await writeTensorFile(path, { tensors, metadata: { case: JSON.stringify({ sizeVox, header }) } });
}

/** A case from disk; null where there is none or the file is damaged. */
async function readCase<H>(path: string): Promise<StoredCase<H> | null> {
  try {
    const file = await readTensorFile(path);
    if (file === null) return null;
    const arrays = [...file.tensors.values()].map(({ data }) => data);
    return {
      ...JSON.parse(file.metadata.case),
      floats: arrays.filter((data) => data instanceof Float32Array),
      masks: arrays.filter((data) => data instanceof Uint8Array),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * The key of case `i`: changes with its files, each known by path, size and time of change, and with `settings`.
 * @throws {TrainingError} `invalid-data`: a file is not there
 */
export async function caseKey(
  i: number,
  { files, settings }: { files: Readonly<Record<string, string | undefined>>; settings: unknown },
): Promise<string> {
  const present = Object.entries(files).flatMap(([role, path]) => (path === undefined ? [] : [{ role, path }]));
  const known = await Promise.all(present.map(async ({ role, path }) => {
    const { size, mtimeMs } = await stat(path).catch((cause) => {
      throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: its ${role} cannot be read`, { cause });
    });
    return [role, path, size, mtimeMs];
  }));
  return createHash("sha256").update(JSON.stringify([known, settings])).digest("hex").slice(0, 32);
}
