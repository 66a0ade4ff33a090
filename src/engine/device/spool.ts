/**
 * Tensors as files between a device's parent and child: one file for all feeds of a run, one for all its outputs. Not a
 * store: a file is valid for one call. The next call overwrites it, since fresh pages cost three times the copy, and a
 * pause removes it. The system's cache of files makes a usual folder as fast as one in memory: 256³ float32 took 83 ms
 * there and back, and 103 ms in `/dev/shm`, which Deno opens to programs with all permissions alone.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesOf, type Tensor, tensorBytes, tensorFromBytes, type TensorType } from "../../tensor/mod.ts";

/** Where a tensor lies in its file, bytes from the start. */
export interface Placed extends TensorType {
  readonly offset: number;
}

const ALIGNMENT = 16;
const PREFIX = "sulcus-spool-";

/** Places tensors one after another; `bytes` is the length of the file. */
export function layOut<T extends TensorType>(tensors: Readonly<Record<string, T>>) {
  let bytes = 0;
  const placed: Record<string, Placed> = {};
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    placed[name] = { dtype, shape, offset: bytes };
    bytes += Math.ceil(bytesOf({ dtype, shape }) / ALIGNMENT) * ALIGNMENT;
  }
  return { placed, bytes };
}

export class Spool {
  /** Both sides of a device use the same one. */
  readonly folder: string;
  #lock: Deno.FsFile | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes a new folder under `directory` (default: the system's temporary folder). */
  static create(directory: string = tmpdir()): Spool {
    Deno.mkdirSync(directory, { recursive: true });
    if (/^\/(dev|proc|sys)\//.test(Deno.realPathSync(directory))) {
      throw new RangeError(
        "Cannot hand tensors over in a folder below /dev, /proc or /sys: Deno opens these to programs with all " +
          "permissions alone; expected TMPDIR to name another folder, such as a mounted tmpfs",
      );
    }
    removeStale(directory);
    const spool = new Spool(join(directory, PREFIX + crypto.randomUUID()));
    Deno.mkdirSync(spool.folder, { mode: 0o700 });
    spool.#lock = Deno.openSync(join(spool.folder, "lock"), { write: true, create: true, mode: 0o600 });
    spool.#lock.lockSync(true);
    return spool;
  }

  /** The child's view of its parent's folder. */
  static attach(folder: string): Spool {
    return new Spool(folder);
  }

  /** Returns the file for a purpose. */
  place(purpose: "feeds" | "outputs" | "model"): string {
    return join(this.folder, purpose);
  }

  /** Removes every file. */
  sweep(): void {
    for (const { name } of Deno.readDirSync(this.folder)) if (name !== "lock") remove(join(this.folder, name));
  }

  /** Removes the folder. */
  remove(): void {
    remove(this.folder);
    this.#lock?.close();
    this.#lock = undefined;
  }
}

/**
 * Overwrites a file, which only this user can read, with tensors; those of more than `blockBytes` in another thread.
 */
export async function writeTensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  blockBytes = Infinity,
): Promise<void> {
  using file = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
  const { placed } = layOut(tensors);
  for (const [name, t] of Object.entries(tensors)) {
    file.seekSync(placed[name].offset, Deno.SeekMode.Start);
    const bytes = tensorBytes(t);
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.subarray(done);
      done += rest.length > blockBytes ? await file.write(rest) : file.writeSync(rest);
    }
  }
}

/**
 * Reads tensors of a file, each into a new buffer or all into `scratch`, which has the length that `layOut()` gave;
 * those of more than `blockBytes` in another thread.
 */
export async function readTensors(
  path: string,
  placed: Readonly<Record<string, Placed>>,
  { scratch, blockBytes = Infinity }: { readonly scratch?: ArrayBuffer; readonly blockBytes?: number } = {},
): Promise<Record<string, Tensor>> {
  using file = Deno.openSync(path, { read: true });
  const tensors: Record<string, Tensor> = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(placed)) {
    const bytes = scratch === undefined
      ? new Uint8Array(bytesOf({ dtype, shape }))
      : new Uint8Array(scratch, offset, bytesOf({ dtype, shape }));
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.subarray(done);
      const read = rest.length > blockBytes ? await file.read(rest) : file.readSync(rest);
      if (read === null) throw new RangeError(`Cannot read "${name}": the file ends early`);
      done += read;
    }
    tensors[name] = tensorFromBytes({ dtype, shape }, bytes);
  }
  return tensors;
}

/** Removes a file or folder that may be gone already. */
function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes the folders of processes that are gone: those whose lock is free. */
function removeStale(root: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(root)) {
    if (isDirectory && name.startsWith(PREFIX) && isStale(join(root, name))) remove(join(root, name));
  }
}

function isStale(folder: string): boolean {
  try {
    const age = Date.now() - (Deno.statSync(folder).mtime?.getTime() ?? 0);
    if (age < 10_000) return false; // it may be about to take its lock
    using lock = Deno.openSync(join(folder, "lock"), { write: true, create: true });
    return lock.tryLockSync(true);
  } catch {
    return false; // another user's, or just removed
  }
}
