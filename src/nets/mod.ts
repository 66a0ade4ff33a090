/**
 * The networks: a frozen configuration and a function each, from which graph, parameters, fresh weights and checkpoint
 * keys follow; one record a family. Knows nothing of data, of training or of the providers that run graphs.
 */
export {
  downstream,
  familyOf,
  kindOf,
  NETWORK_KINDS,
  type NetworkKind,
  type NetworkSpec,
  PRETRAINING_KINDS,
  SIZE_MULTIPLE,
} from "./families/families.ts";
export {
  type DownstreamRequest,
  type Identified,
  type IdentifyOptions,
  type Net,
  type Shapes,
  type Task,
  TEMPLATE_KEY,
} from "./families/family.ts";
export { buildNetwork, type BuildOptions, initialWeights, netOf, parametersOf } from "./network.ts";
export { initialTensor } from "./layers/init.ts";
export { type Init, isBuffer, type Parameter, type Weights } from "./layers/scope.ts";
export { UNET3D, type Unet3dConfig } from "./families/unet3d.ts";
export { EDGE, UNIUNET, type UniUnetConfig } from "./families/uni_unet.ts";
export { type Stages, UNIFORMER_SMALL, type UniformerConfig } from "./families/uniformer_encoder.ts";
export { type ImportedEncoder, pyramid } from "./families/feature_decoder.ts";
export { identifyNetwork, plainKey } from "./checkpoint/identify.ts";
export {
  fromOfficialAxes,
  fromOfficialLayout,
  officialEntries,
  type OfficialEntry,
  type Place,
  toOfficialAxes,
  toOfficialLayout,
} from "./checkpoint/layout.ts";
export {
  batchesTracked,
  finiteFloats,
  isEncoderKind,
  isFirstKernel,
  isFreshDownstream,
  isOfTraining,
  type LoadPlan,
  officialState,
  planLoading,
  weightsOf,
  withPlainKeys,
} from "./checkpoint/load.ts";
