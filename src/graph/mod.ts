/**
 * The compiler: a plain IR of ONNX operators, its builder, reverse-mode differentiation and a float64 reference.
 * Knows nothing of ONNX Runtime, networks or medicine.
 */
export * from "./tensor.ts";
export type { Attrs, Graph, Node, OpName, Ops, Value } from "./ir.ts";
export type { NdArray } from "./ndarray.ts";
export { GraphBuilder } from "./builder.ts";
export { gradients, NoGradientError } from "./autodiff.ts";
export { batched } from "./batch.ts";
export { evaluate } from "./evaluate.ts";
export { encodeLoop, encodeModel, type EncodeOptions, LOOP_NAMES } from "./codec.ts";
export { Random } from "./random.ts";
export {
  ATTENTION_PIECES,
  type Cost,
  type Costs,
  CPU_PASSES,
  CUDA_PASSES,
  lower,
  lowerFor,
  MIXED_PRECISION,
  type Pass,
  passesFor,
  type PassReport,
  type TargetDevice,
  WEBGPU_PASSES,
} from "./lower/mod.ts";
export { idleGraph, type Trial, trialsOf } from "./lower/trials.ts";
export {
  decodeModel,
  IMPORT_LIMITS,
  type ImportLimits,
  type RawAttr,
  type RawInput,
  type RawModel,
  type RawNode,
} from "./decode.ts";
export { importModel, type ImportOptions, normalizeModel } from "./normalize.ts";
export { type MemoryForecast, predictMemory } from "./memory.ts";
export { print } from "./print.ts";
export { MemoryBudgetError, rematerialise, type Rematerialised } from "./rematerialise.ts";
export { runOrder, waitFor } from "./sequence.ts";
export { verify } from "./verify.ts";
