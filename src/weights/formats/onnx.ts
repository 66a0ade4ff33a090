/** ONNX models. A protobuf message has no signature, so every file of no other format is taken for one. */
import { IMPORT_LIMITS } from "../../graph/mod.ts";
import type { GraphFile, WeightFormat } from "./format.ts";

export const ONNX: WeightFormat<GraphFile> = {
  recognises: () => true,
  async read(path) {
    const { size } = await Deno.stat(path);
    if (size > IMPORT_LIMITS.bytes) {
      throw new TypeError(
        `Cannot import the weights: expected at most ${IMPORT_LIMITS.bytes} bytes, protobuf's limit, got ${size}: export ` +
          'it with half as wide weights ("model.half()"), which are read as float32',
      );
    }
    return { holds: "graph", bytes: await Deno.readFile(path), metadata: {} };
  },
};
