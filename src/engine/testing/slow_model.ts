/** A graph that keeps a processor busy for a while, for tests of what happens during a run. Not a benchmark. */
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import { encodeModel, GraphBuilder } from "../../graph/mod.ts";

const SIZE = 1024;
const TYPE = { dtype: "float32", shape: [SIZE, SIZE] } as const;

/** `products` matrix products in a chain: about 15 to 30 ms each on two cores. */
export function slowModel(products: number): Uint8Array {
  const b = new GraphBuilder(), w = b.input("w", TYPE);
  let y = b.input("x", TYPE);
  for (let i = 0; i < products; i++) y = b.op.MatMul(y, w);
  return encodeModel(b.build("slow", { [`y${products}`]: y }));
}

export function slowFeeds(): Record<string, Tensor> {
  const zeros = tensor("float32", TYPE.shape, new Float32Array(SIZE * SIZE));
  return { x: zeros, w: zeros };
}
