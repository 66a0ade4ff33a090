/** Tensors and texts as one safetensors file that is whole or absent. */
import { readFile } from "node:fs/promises";
import { writeWhole } from "../../storage/mod.ts";
import { decodeSafetensors, encodeSafetensors, type Tensor, toTensor } from "../../tensor/mod.ts";

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

export async function writeTensorFile(path: string, { tensors, metadata }: TensorFile): Promise<void> {
  await writeWhole(path, encodeSafetensors(tensors, metadata));
}

/** The file at `path`, or null where there is none. @throws {SyntaxError} the file is damaged */
export async function readTensorFile(path: string): Promise<TensorFile | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  try {
    const { tensors, metadata } = decodeSafetensors(bytes, { tensors: Infinity, bytes: Infinity, rank: 8 });
    return { tensors: new Map([...tensors].map(([name, stored]) => [name, toTensor(stored)])), metadata };
  } catch (cause) {
    throw new SyntaxError("Cannot read the tensors: the file is damaged", { cause });
  }
}
