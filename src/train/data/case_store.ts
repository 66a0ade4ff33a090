/** Prepared cases on disk, the last used ones in memory. Knows nothing of what a case shows. */
import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InferenceError } from "../../inference/mod.ts";
import { TrainingError } from "../types.ts";
import { CaseCache } from "./case_cache.ts";
import { readCase, type StoredCase, writeCase } from "./case_file.ts";

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

/** Random access to prepared cases. */
export class CaseStore<T extends object> {
  /** Where each case lies, for readers in other threads. */
  readonly files: readonly string[];
  readonly #cases: CaseCache<T>;

  private constructor(files: readonly string[], cases: CaseCache<T>) {
    this.files = files;
    this.#cases = cases;
  }

  /**
   * Prepares every case that is not on disk yet.
   * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
   */
  static async open<T extends object, H>(options: CaseStoreOptions<T, H>): Promise<CaseStore<T>> {
    const { directory, keys, cacheBytes, onCase } = options;
    const files = keys.map((key) => join(directory, `${key}.case`));
    const store = new CaseStore(files, new CaseCache((i) => loadCase(files[i], i, options), cacheBytes));
    for (let i = 0; i < store.length; i++) {
      await store.get(i);
      onCase?.(i + 1, store.length);
    }
    return store;
  }

  get length(): number {
    return this.files.length;
  }

  /** Bytes of the cases in memory. */
  get bytesInMemory(): number {
    return this.#cases.bytes;
  }

  /** Case `i`, from memory, from disk, or prepared now. */
  async get(i: number): Promise<T> {
    return await this.#cases.get(i);
  }

  /** Deletes the prepared cases of the folder that are not of this store. */
  async dropOthers(): Promise<void> {
    const folder = dirname(this.files[0]), own = new Set(this.files.map((file) => basename(file)));
    for (const name of await readdir(folder)) {
      if (name.endsWith(".case") && !own.has(name)) await rm(join(folder, name), { force: true });
    }
  }

  /** Gives their memory back while others read the files. */
  clear(): void {
    this.#cases.clear();
  }
}

async function loadCase<T extends object, H>(
  path: string,
  i: number,
  { prepare, pack, unpack }: CaseStoreOptions<T, H>,
): Promise<T> {
  const known = await readCase<H>(path);
  if (known !== null) return unpack(known, i);
  const value = await prepare(i).catch((error) => {
    if (!(error instanceof InferenceError)) throw error;
    throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: ${error.message}`, { cause: error });
  });
  await writeCase(path, pack(value, i));
  return value;
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
