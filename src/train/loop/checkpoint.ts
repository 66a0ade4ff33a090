/** Training state on disk: a safetensors file with the progress as its metadata. */
import { readFile } from "node:fs/promises";
import { decodeSafetensors, encodeSafetensors, type Tensor, toTensor } from "../../tensor/mod.ts";
import { writeWhole } from "../../storage/mod.ts";

/** State of one training run after `step` updates. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Updates done, the losses so far, and what identifies the run; JSON. */
  readonly progress: {
    readonly run: string;
    readonly step: number;
    readonly losses: readonly number[];
    /** Further numbers of every update, by name. */
    readonly curves?: Readonly<Record<string, readonly number[]>>;
  };
}

/** Writes a checkpoint whole or not at all. */
export async function saveCheckpoint(path: string, { tensors, progress }: Checkpoint): Promise<void> {
  await writeWhole(path, encodeSafetensors(tensors, { progress: JSON.stringify(progress) }));
}

/** The checkpoint at `path`, or null where there is none. @throws {SyntaxError} the file is damaged */
export async function readCheckpoint(path: string): Promise<Checkpoint | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    return null;
  }
  try {
    const { tensors, metadata } = decodeSafetensors(bytes, { tensors: Infinity, bytes: Infinity, rank: 8 });
    return {
      tensors: new Map([...tensors].map(([name, stored]) => [name, toTensor(stored)])),
      progress: JSON.parse(metadata.progress),
    };
  } catch (cause) {
    throw new SyntaxError("Cannot read the checkpoint: the file is damaged", { cause });
  }
}
