/**
 * The networks: a frozen configuration and a function each, from which graph, parameters, fresh weights and checkpoint
 * keys follow. Knows nothing of data, of training or of the providers that run graphs.
 */
export {
  fromOfficialAxes,
  fromOfficialLayout,
  officialEntries,
  toOfficialAxes,
  toOfficialLayout,
} from "./checkpoint/layout.ts";
export type { OfficialEntry } from "./checkpoint/layout.ts";
export { identifyNetwork, plainKey, TEMPLATE_KEY } from "./checkpoint/identify.ts";
export type { Identified, IdentifyOptions, Shapes } from "./checkpoint/identify.ts";
export {
  batchesTracked,
  downstreamSpec,
  finiteFloats,
  isEncoderKind,
  isFirstKernel,
  isFreshDownstream,
  officialState,
  planLoading,
  weightsOf,
  withPlainKeys,
} from "./checkpoint/load.ts";
export type { LoadPlan } from "./checkpoint/load.ts";
export { featureClassifier, featureDecoder, featureOutputs } from "./families/feature_decoder.ts";
export type { FeatureDecoderConfig, ImportedEncoder } from "./families/feature_decoder.ts";
export { initialTensor, initialWeights } from "./layers/init.ts";
export { buildNetwork, netOf, parameterCount, parametersOf } from "./network.ts";
export type { BuildOptions, Net, NetworkSpec } from "./network.ts";
export { isBuffer } from "./layers/scope.ts";
export type { Init, Parameter, Weights } from "./layers/scope.ts";
export { UNET3D } from "./families/unet3d.ts";
export type { Unet3dConfig } from "./families/unet3d.ts";
export { EDGE, EDGE_PARAMETERS, UNIUNET } from "./families/uni_unet.ts";
export type { UniUnetConfig } from "./families/uni_unet.ts";
export { UNIFORMER_SMALL } from "./families/uniformer.ts";
export type { Stages, UniformerConfig } from "./families/uniformer.ts";
