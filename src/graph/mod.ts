/**
 * The compiler: reads ONNX graphs into a plain IR, differentiates, lowers and schedules them, writes them again, and
 * computes them in float64 as a reference. Knows nothing of ONNX Runtime's interface, networks or medicine.
 */
export { ONNX_DTYPES } from "./ir/dtypes.ts";
export type { Graph, Node, OpName, Ops, Value } from "./ir/ir.ts";
export { GraphBuilder } from "./build/builder.ts";
export { gradients, gradientsOrNone, NoGradientError } from "./autodiff.ts";
export { batched } from "./batch.ts";
export { ensembleOf, mainOf, membersOf } from "./ensemble.ts";
export { evaluate } from "./reference/evaluate.ts";
export { encodeLoop, encodeModel, LOOP_NAMES } from "./write/encode.ts";
export {
  CPU_PASSES,
  CUDA_PASSES,
  MIXED_CUDA_PASSES,
  MIXED_OPENVINO_PASSES,
  OPENVINO_PASSES,
  WEBGPU_PASSES,
} from "./lower/lists.ts";
export { lower, type Lowering } from "./lower/lower.ts";
export type { Cost, Costs, Pass } from "./lower/pass.ts";
export { idleGraph, type Trial, trialsOf } from "./lower/trials.ts";
export { decodeModel } from "./read/decode.ts";
export { describeModel, type FinalActivation, type ModelDescription } from "./read/describe.ts";
export { externalFiles, withExternalData } from "./read/external.ts";
export type { Layout } from "./read/layout.ts";
export { type Graft, graftModel } from "./read/graft.ts";
export { importModel, type ImportOptions } from "./read/normalize.ts";
export { IMPORT_LIMITS, type RawModel } from "./read/raw.ts";
export { type Signature, signatureOf } from "./read/signature.ts";
export { costOf } from "./schedule/cost.ts";
export {
  type MemoryForecast,
  type MemoryModel,
  ONNX_RUNTIME_MEMORY,
  OPENVINO_MEMORY,
  predictMemory,
} from "./schedule/memory.ts";
export { print } from "./build/print.ts";
export { MemoryBudgetError, rematerialise, type Rematerialised } from "./schedule/rematerialise.ts";
export { waitFor } from "./schedule/sequence.ts";
export { verify } from "./build/verify.ts";
