/**
 * Files of uploads while their request lasts: a folder of this process in the data directory, readable by nobody else.
 * Each request has a folder with a random name, which is removed with the request.
 */
import { dirname } from "node:path";
import { exists, removeIfPresent } from "../../storage/mod.ts";

/** A folder for the files of one request; disposing removes it. */
export interface SpoolFolder extends AsyncDisposable {
  /** A path for a new file; `name` must not come from a client. */
  path(name: string): string;
}

/** A running process touches its folder every ten minutes: one that is older than this belongs to none. */
const STALE_MS = 3600 * 1000;

export class Spool {
  readonly #root: string;
  readonly #inode: number | null;

  private constructor(root: string, inode: number | null) {
    this.#root = root;
    this.#inode = inode;
  }

  /** Opens `<dataDirectory>/spool`; `alone`: no other process uses it, so whatever lies there was left by a crash. */
  static async open(dataDirectory: string, { alone }: { alone: boolean }): Promise<Spool> {
    const parent = `${dataDirectory}/spool`;
    await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
    await removeStale(parent, alone ? Infinity : Date.now() - STALE_MS);
    const root = `${parent}/${crypto.randomUUID()}`;
    await Deno.mkdir(root, { mode: 0o700 });
    return new Spool(root, (await Deno.stat(root)).ino);
  }

  /** Says that this process lives, and removes what others left that do not. */
  async sweep(now = Date.now()): Promise<void> {
    await Deno.utime(this.#root, new Date(now), new Date(now));
    await removeStale(dirname(this.#root), now - STALE_MS);
  }

  async folder(): Promise<SpoolFolder> {
    const folder = `${this.#root}/${crypto.randomUUID()}`;
    await Deno.mkdir(folder, { mode: 0o700 });
    return {
      path: (name) => `${folder}/${name}`,
      [Symbol.asyncDispose]: () => removeIfPresent(folder),
    };
  }

  /** Reports whether the data folder is still the one that was opened: not removed, replaced or unmounted. */
  async isPresent(): Promise<boolean> {
    return await Deno.stat(this.#root).then(({ ino }) => ino === this.#inode, () => false);
  }

  /** @throws where files cannot be written and read back */
  async check(): Promise<void> {
    const path = `${this.#root}/check-${crypto.randomUUID()}`;
    try {
      await Deno.writeTextFile(path, "ok");
      if (await Deno.readTextFile(path) !== "ok") throw new Error("Cannot read back what was written");
    } finally {
      await removeIfPresent(path);
    }
  }

  /** How many requests have files here. */
  async count(): Promise<number> {
    return await exists(this.#root) ? (await Array.fromAsync(Deno.readDir(this.#root))).length : 0;
  }

  async close(): Promise<void> {
    await removeIfPresent(this.#root);
  }
}

async function removeStale(parent: string, before: number): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    const { mtime } = await Deno.stat(`${parent}/${name}`);
    if ((mtime?.getTime() ?? 0) < before) await removeIfPresent(`${parent}/${name}`);
  }
}

/** Writes chunks to a new file; `durable`: it is synced to disk, since it will outlive the request. */
export async function writeChunks(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { durable }: { durable: boolean },
): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  for await (const chunk of chunks) {
    for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
  }
  if (durable) await file.sync();
}
