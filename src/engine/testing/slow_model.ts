/** A graph that keeps a CPU busy for a while, for tests of what goes on around a run. Not a benchmark. */
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import { modelBytes } from "../_model.ts";

const SIZE = 1024;
const TYPE = { dtype: "float32", shape: [SIZE, SIZE] } as const;

/** `products` matrix products in a chain: about 15 to 30 ms each on two cores. */
export function slowModel(products: number): Uint8Array {
  return modelBytes({
    inputs: { x: TYPE, w: TYPE },
    outputs: { [`y${products}`]: TYPE },
    nodes: Array.from({ length: products }, (_, i) => ({
      op: "MatMul",
      inputs: [i === 0 ? "x" : `y${i}`, "w"],
      outputs: [`y${i + 1}`],
    })),
  });
}

export function slowFeeds(): Record<string, Tensor> {
  const zeros = tensor("float32", TYPE.shape, new Float32Array(SIZE * SIZE));
  return { x: zeros, w: zeros };
}
