/** Tensors as weight files store them, and their conversion to tensors that networks run. Not a file format. */
import { type DType, sizeOf, type Tensor, tensor, tensorFromBytes } from "./tensor.ts";

/** Element types of weight files. */
export type StoredType = DType | "float16" | "bfloat16" | "int16" | "int8";

export const STORED_BYTES: Readonly<Record<StoredType, number>> = {
  float64: 8,
  int64: 8,
  float32: 4,
  int32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** A tensor of a file: little-endian, in C order. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Bounds of the files that are read. */
export interface TensorLimits {
  readonly tensors: number;
  /** Bytes of all tensors together. */
  readonly bytes: number;
  readonly rank: number;
}

/** A network is written as one ONNX file, which ends at 2 GiB. */
export const TENSOR_LIMITS: TensorLimits = { tensors: 100_000, bytes: 2 ** 31 - 1, rank: 8 };

/** The fault of a shape read from a file, or null. */
export function shapeFault(shape: readonly unknown[], { rank }: Pick<TensorLimits, "rank">): string | null {
  if (shape.length > rank) return `${shape.length} axes, more than ${rank}`;
  const wrong = shape.find((d) => !Number.isSafeInteger(d) || (d as number) < 0);
  if (wrong !== undefined) return "a size that is no whole number ≥ 0";
  return Number.isSafeInteger(sizeOf(shape as number[])) ? null : "sizes whose product is out of range";
}

/** The elements as float32; a float32 tensor keeps its bits. @throws {TypeError} integers */
export function toFloat32(stored: StoredTensor): Tensor {
  const { dtype, shape, bytes } = stored;
  if (dtype === "float32") return tensorFromBytes({ dtype, shape }, bytes);
  const from = (data: ArrayLike<number>) => tensor("float32", shape, Float32Array.from(data));
  const { buffer } = bytes.slice(); // aligned
  if (dtype === "float64") return from(new Float64Array(buffer));
  if (dtype === "float16") return from(new Float16Array(buffer));
  if (dtype === "bfloat16") {
    const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
    return tensor("float32", shape, new Float32Array(bits.buffer));
  }
  throw new TypeError(`Cannot use a tensor as weights: expected floats, got ${dtype}`);
}

/** The same tensor, if networks run its element type. @throws {TypeError} another type */
export function toTensor({ dtype, shape, bytes }: StoredTensor): Tensor {
  if (dtype === "float16" || dtype === "bfloat16" || dtype === "int16" || dtype === "int8") {
    throw new TypeError(`Cannot use a tensor: expected an element type that networks have, got ${dtype}`);
  }
  return tensorFromBytes({ dtype, shape }, bytes);
}

/** Reports whether the elements are floating-point numbers. */
export function isFloatType(dtype: StoredType): boolean {
  return /float/.test(dtype);
}

/** Text from a file, made safe to print. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
