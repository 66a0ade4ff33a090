/**
 * Files of weights and networks of others into model packages, and back: PyTorch checkpoints, safetensors, ONNX graphs.
 * Knows no HTTP.
 */
export { FORMAT_NAMES } from "./formats/formats.ts";
export {
  IMPORT_FLAGS,
  type ImportRequest,
  importRequestSchema,
  inspectRequestSchema,
} from "./request/import_request.ts";
export { namesSchema } from "./request/network_fields.ts";
export type { ImportReport } from "./import_result.ts";
export { importWeightFile, inspectWeightFile } from "./import_process.ts";
export type { Inspection, TensorFacts } from "./inspect.ts";
export type { GraphFacts } from "./onnx/facts.ts";
export type { ImportSource } from "./source/source.ts";
export { nameFeatures } from "./name_features.ts";
export { exportWeights, type WeightExport } from "./export_weights.ts";
