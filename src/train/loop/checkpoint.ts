/** Training state on disk: a safetensors file with the progress as its metadata. */
import type { Tensor } from "../../tensor/mod.ts";
import { readTensorFile, writeTensorFile } from "../data/tensor_file.ts";

/** State of one training run after `step` updates. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Kept as JSON: updates done, their losses, and the key of the run. */
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
  await writeTensorFile(path, { tensors, metadata: { progress: JSON.stringify(progress) } });
}

/** The checkpoint at `path`, or null where there is none. @throws {SyntaxError} the file is damaged */
export async function readCheckpoint(path: string): Promise<Checkpoint | null> {
  try {
    const file = await readTensorFile(path);
    return file && { tensors: file.tensors, progress: JSON.parse(file.metadata.progress) };
  } catch (cause) {
    throw new SyntaxError("Cannot read the checkpoint: the file is damaged", { cause });
  }
}
