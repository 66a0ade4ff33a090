/** A volume for the load: a box of `size`³ voxels of 4 mm, written as our own files are. */
import { tinyNifti } from "../../src/datasets/testing/cases.ts";

export async function phantomVolume(size: number): Promise<Uint8Array<ArrayBuffer>> {
  const values = Array.from({ length: size ** 3 }, (_, i) => (i * 7) % 100);
  return await tinyNifti({ values, sizeVox: [size, size, size] });
}
