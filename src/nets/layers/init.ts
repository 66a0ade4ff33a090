/** Fresh weights (docs/method A.1.1, A.2 and A.0), reproducible from a seed and independent of the order of the layers. */
import { Random, sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import type { Parameter } from "./scope.ts";

/** The fresh value of one parameter: drawn from the stream that `seed` and its key name. */
export function initialTensor({ key, shape, init }: Parameter, seed: number): Tensor {
  if (init.kind === "given") return init.tensor;
  const data = new Float32Array(sizeOf(shape));
  const random = new Random(seed).fork(key);
  if (init.kind === "constant") data.fill(init.value);
  else if (init.kind === "normal") { for (let i = 0; i < data.length; i++) data[i] = init.std * random.normal(); }
  else for (let i = 0; i < data.length; i++) data[i] = init.bound * (2 * random.uniform() - 1);
  return tensor("float32", shape, data);
}
