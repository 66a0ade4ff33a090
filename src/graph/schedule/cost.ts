/**
 * The cost of a node, to compare nodes with each other: the number of bytes that could be moved in its time. Right
 * within a factor of two on a CPU; not a prediction of seconds.
 */
import type { Node, OpName } from "../ir/ir.ts";
import { bytesOf, sizeOf, type TensorType } from "../../tensor/mod.ts";

/** Bytes moved in the time of one multiplication and addition: 2 FLOP at 145 GFLOP/s, against 25 GB/s. */
const BYTES_PER_PRODUCT = 0.35;
/** Moves of an element in the time of one function without a vectorised kernel (measured: 4 to 25). */
const FUNCTION_MOVES = 6;

const FUNCTIONS: ReadonlySet<OpName> = new Set<OpName>(["Cos", "Log", "Pow", "Sin", "Softplus"]);

/** The cost of `node` in bytes; reshaping is free. */
export function costOf({ op, inputs, output }: Node, types: ReadonlyMap<string, TensorType>): number {
  if (op === "Reshape" || op === "Identity") return 0;
  const x = inputs.flatMap((name) => (name === "" ? [] : [types.get(name)!])), y = types.get(output)!;
  const moved = x.reduce((sum, type) => sum + bytesOf(type), bytesOf(y));
  return (FUNCTIONS.has(op) ? FUNCTION_MOVES : 1) * moved + BYTES_PER_PRODUCT * products(op, x, y);
}

/** Multiplications of operators that do more than one an element. */
function products(op: OpName, x: readonly TensorType[], y: TensorType): number {
  if (op === "Conv") return sizeOf(y.shape) * sizeOf(x[1].shape.slice(1));
  if (op === "ConvTranspose") return sizeOf(x[0].shape) * sizeOf(x[1].shape.slice(1));
  if (op === "MatMul" || op === "Gemm") return sizeOf(y.shape) * x[0].shape.at(-1)!;
  return 0;
}
