/**
 * The networks, one record a family: a frozen configuration and a function give graph, parameters, fresh weights and
 * checkpoint keys. Knows nothing of data, of training or of the providers that run graphs.
 */
export {
  continued,
  downstream,
  familyOf,
  kindOf,
  NETWORK_KINDS,
  type NetworkSpec,
  PRETRAINING_KINDS,
  varied,
} from "./families/families.ts";
export {
  type ConstantReport,
  type FinalOperator,
  type Net,
  type Shapes,
  type Task,
  TEMPLATE_KEY,
} from "./families/family.ts";
export { buildNetwork, initialWeights, netOf, parametersOf } from "./network.ts";
export { imageAxes, type NamedAxes, outputAxes } from "./named_axes.ts";
export { initialTensor, isBuffer, isCounter, type Parameter, type Weights } from "./layers/scope.ts";
export { EDGE } from "./families/uni_unet.ts";
export { UNIFORMER_SMALL } from "./families/uniformer_encoder.ts";
export { type Reading, readingOf } from "./families/reading.ts";
export { type FeatureMap, featureMaps } from "./families/features/feature_maps.ts";
export { storedMaps } from "./families/features/weights.ts";
export { pyramid } from "./families/feature_decoder.ts";
export { identifyNetwork, plainKey } from "./checkpoint/identify.ts";
export { fromOfficialLayout, officialEntries, toOfficialAxes, toOfficialLayout } from "./checkpoint/layout.ts";
export {
  batchesTracked,
  finiteFloats,
  isDecoder,
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
