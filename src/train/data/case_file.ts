/** A prepared case as a safetensors file: its arrays as tensors, the rest in the metadata. */
import { type Tensor, tensor } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { readTensorFile, writeTensorFile } from "./tensor_file.ts";

/** A case as a file holds it. */
export interface StoredCase<H> {
  /** Everything but the arrays, as JSON can hold it. */
  readonly header: H;
  readonly sizeVox: Triple;
  /** Arrays [X, Y, Z]. */
  readonly floats: readonly Float32Array[];
  readonly masks: readonly Uint8Array[];
}

export async function writeCase(
  path: string,
  { header, sizeVox, floats, masks }: StoredCase<unknown>,
): Promise<void> {
  const tensors = new Map<string, Tensor>();
  floats.forEach((data, k) => tensors.set(`float/${k}`, tensor("float32", sizeVox, data)));
  masks.forEach((data, k) => tensors.set(`mask/${k}`, tensor("uint8", sizeVox, data)));
  await writeTensorFile(path, { tensors, metadata: { case: JSON.stringify({ sizeVox, header }) } });
}

/** A case from disk; null where there is none or the file is damaged. */
export async function readCase<H>(path: string): Promise<StoredCase<H> | null> {
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
