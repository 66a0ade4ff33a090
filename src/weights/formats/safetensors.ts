/** safetensors files, which Hugging Face and `exportWeights()` write. */
import { decodeSafetensors, TENSOR_LIMITS } from "../../tensor/mod.ts";
import { HEAD_BYTES, type TensorFile, type WeightFormat } from "./format.ts";

/** Bounds a file that is read into memory: its tensors and its header. */
const MAX_BYTES = TENSOR_LIMITS.bytes + 128 * 2 ** 20;

export const SAFETENSORS: WeightFormat<TensorFile> = {
  // eight bytes of header length, far below 2^40, then the header, which is JSON
  recognises: (head) => head.length === HEAD_BYTES && head[8] === 0x7b && head[5] + head[6] + head[7] === 0,
  async read(path) {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) {
      throw new RangeError(`Cannot read the weights: expected at most ${MAX_BYTES} bytes, got ${size}`);
    }
    return { holds: "tensors", ...decodeSafetensors(await Deno.readFile(path)) };
  },
};
