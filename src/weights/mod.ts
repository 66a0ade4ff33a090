/**
 * Files of weights and networks of others into model packages, and back: PyTorch checkpoints, safetensors, ONNX graphs.
 * Knows no HTTP.
 */
export { FORMAT_NAMES } from "./formats/formats.ts";
export { IMPORT_FLAGS, type ImportRequest, importRequestSchema } from "./request/import_request.ts";
export type { ImportReport } from "./import_result.ts";
export { importWeightFile } from "./import_thread.ts";
export { exportWeights, type WeightExport } from "./export_weights.ts";
