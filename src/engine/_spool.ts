/**
 * Tensors as files between a device's parent and child: one file for all feeds of a run, one for all its outputs.
 * Not a store: a file lives for one call. Lies in memory (`/dev/shm`) where there is room, else on disk.
 */
import { accessSync, constants, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allocate, bytesOf, sizeOf, type Tensor, tensorBytes, type TensorType } from "../graph/tensor.ts";

/** Where a tensor lies in its file, bytes from the start. */
export interface Placed extends TensorType {
  readonly offset: number;
}

const ALIGNMENT = 16;
const PREFIX = "sulcus-spool-";
const SHM = "/dev/shm";
/** Room left free for others, bytes. */
const MARGIN = 64 * 2 ** 20;

/** Lays tensors one after the other; `bytes` is the length of the file. */
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
  /** The folders, best first; both sides of a device use the same. */
  readonly folders: readonly string[];
  #locks: Deno.FsFile[] = [];

  private constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  /** Makes folders of its own under `/dev/shm` and under `directory` (default: the system's temporary folder). */
  static create(directory: string = tmpdir()): Spool {
    Deno.mkdirSync(directory, { recursive: true });
    const roots = isWritable(SHM) ? [SHM, directory] : [directory];
    for (const root of roots) removeStale(root);
    const spool = new Spool(roots.map((root) => join(root, PREFIX + crypto.randomUUID())));
    for (const folder of spool.folders) {
      Deno.mkdirSync(folder, { mode: 0o700 });
      const lock = Deno.openSync(join(folder, "lock"), { write: true, create: true, mode: 0o600 });
      lock.lockSync(true);
      spool.#locks.push(lock);
    }
    return spool;
  }

  /** The child's view of its parent's folders. */
  static attach(folders: readonly string[]): Spool {
    return new Spool(folders);
  }

  /** A fresh file name in the first folder with room for `bytes`. */
  place(bytes: number): string {
    const folder = this.folders.find((f) => roomIn(f) > bytes + MARGIN) ?? this.folders.at(-1)!;
    return join(folder, crypto.randomUUID());
  }

  /** Removes every file; what a dead child has left. */
  sweep(): void {
    for (const folder of this.folders) {
      for (const { name } of Deno.readDirSync(folder)) if (name !== "lock") remove(join(folder, name));
    }
  }

  /** Removes the folders. */
  remove(): void {
    for (const folder of this.folders) remove(folder);
    for (const lock of this.#locks.splice(0)) lock.close();
  }
}

/** Writes the tensors of a layout to a new file that only this user can read. */
export async function writeTensors(path: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (const t of Object.values(tensors)) {
    const bytes = tensorBytes(t);
    await writeAll(file, bytes);
    const padding = -bytes.length & (ALIGNMENT - 1);
    if (padding > 0) await writeAll(file, new Uint8Array(padding));
  }
}

/** Reads tensors of a file, each into a buffer of its own. */
export async function readTensors(path: string, placed: Readonly<Record<string, Placed>>) {
  using file = await Deno.open(path, { read: true });
  const tensors: Record<string, Tensor> = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(placed)) {
    const t: Tensor = { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
    const bytes = tensorBytes(t);
    await file.seek(offset, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) {
      const read = await file.read(bytes.subarray(done));
      if (read === null) throw new RangeError(`Cannot read "${name}": the file ends early`);
      done += read;
    }
    tensors[name] = t;
  }
  return tensors;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** Removes a file or folder that may be gone already. */
export function remove(path: string): void {
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
    if (age < 60_000) return false; // it may be about to take its lock
    using lock = Deno.openSync(join(folder, "lock"), { write: true, create: true });
    return lock.tryLockSync(true);
  } catch {
    return false; // another user's, or removed meanwhile
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function roomIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
