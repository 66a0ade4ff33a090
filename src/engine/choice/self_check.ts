/** The small graph that a device must compute correctly before it is used: convolution, reshape, matrix product. */
import { type Tensor, tensor, toNumbers } from "../../tensor/mod.ts";
import { encodeModel, GraphBuilder } from "../../graph/mod.ts";
import type { Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";

/** Small integers, whose sums every device must give exactly, however it rounds. */
const ramp = (shape: number[], period: number): Tensor =>
  tensor("float32", shape, Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i % period - 2));

const X = ramp([1, 2, 4, 4], 7);
const KERNEL = ramp([3, 2, 3, 3], 5);
const MATRIX = ramp([16, 2], 6);

/** y = the convolution of x, flattened to [3, 16], times the matrix. */
function model(): Uint8Array {
  const b = new GraphBuilder(), { op } = b;
  const convolution = op.Conv(b.input("x", X), KERNEL, null, { pads: [1, 1, 1, 1] });
  return encodeModel(b.build("self-test", { y: op.MatMul(op.Reshape(convolution, [3, 16]), MATRIX) }));
}

/**
 * Runs the graph on a device.
 * @throws {EngineError} "failed": the numbers are wrong; else as `Session.run()`
 */
export async function selfCheck(engine: Engine): Promise<void> {
  const session = await engine.load(model());
  const { y } = await session.run({ x: X }, { timeoutMs: 30_000 });
  await session.release();
  const got = toNumbers(y);
  const expected = product(convolved(toNumbers(X), toNumbers(KERNEL)), toNumbers(MATRIX));
  if (expected.some((e, i) => Math.abs(e - got[i]) > 1e-3 * Math.max(1, Math.abs(e)))) {
    throw new EngineError("failed", `The self-test is wrong: expected [${expected}], got [${got}]`);
  }
}

/** [2, 4, 4] * [3, 2, 3, 3] → [3, 16], padding 1. */
function convolved(x: readonly number[], kernel: readonly number[]): number[] {
  return Array.from({ length: 48 }, (_, at) => {
    const [o, row, column] = [at >> 4, at >> 2 & 3, at & 3];
    let sum = 0;
    for (let tap = 0; tap < 18; tap++) {
      const [c, i, j] = [Math.floor(tap / 9), row + Math.floor(tap / 3) % 3 - 1, column + tap % 3 - 1];
      if (i >= 0 && i < 4 && j >= 0 && j < 4) sum += x[c * 16 + i * 4 + j] * kernel[o * 18 + tap];
    }
    return sum;
  });
}

/** [3, 16] · [16, 2] → [3, 2]. */
function product(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 6 }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < 16; k++) sum += a[(at >> 1) * 16 + k] * b[k * 2 + (at & 1)];
    return sum;
  });
}
