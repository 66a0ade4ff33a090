/**
 * Arrays of numbers: element types, dense tensors, float64 n-d arrays, seeded random numbers, and tensors as weight
 * files store them. Knows nothing of graphs, networks or volumes.
 */
export * from "./tensor.ts";
export type { NdArray } from "./ndarray.ts";
export { Random } from "./random.ts";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
export {
  isFloatType,
  quoted,
  shapeFault,
  STORED_BYTES,
  type StoredTensor,
  type StoredType,
  TENSOR_LIMITS,
  type TensorLimits,
  toFloat32,
  toTensor,
} from "./stored.ts";
