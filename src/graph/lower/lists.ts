/** The passes that suit each execution provider; the provider's record in `engine/` names its list. */
import { ATTENTION_PIECES } from "./attention.ts";
import { PLANAR_CONV_TRANSPOSE, PRODUCT_CONV_TRANSPOSE, SPREAD_CONV_TRANSPOSE } from "./conv/conv_transpose.ts";
import { BLOCKED_DEPTHWISE } from "./conv/depthwise.ts";
import { PLANAR_CONV, PLANAR_GROUPED_CONV, PRODUCT_CONV } from "./conv/planar_conv.ts";
import { WEIGHT_GRADIENT } from "./conv/weight_gradient.ts";
import { WINOGRAD_CONV } from "./conv/winograd.ts";
import { WINOGRAD_WEIGHT_GRADIENT } from "./conv/winograd_gradient.ts";
import { NORM_AFTER_CONV, NORM_BEFORE_CONV } from "./fold_norm.ts";
import { CHANNEL_MEAN, CHANNEL_NORM, SINK_TRANSPOSES } from "./layout.ts";
import { AXIS_NORM, EXACT_NORM, TWO_PASS_NORM } from "./norm.ts";
import { FEWER_PADDED_AXES, PAD_BY_MASK } from "./pad.ts";
import type { Pass } from "./pass.ts";
import { MIXED_ON_PROCESSOR, MIXED_PRECISION, NARROW_EARLY } from "./precision.ts";
import { COUNTED_POOL } from "./pool.ts";
import { NEAREST_BY_GATHER } from "./resize.ts";
import { WHOLE_ROUNDING } from "./rounding.ts";
import { STAGED_SUMS, SUMS_BY_AXES } from "./sums.ts";
import { VOLUME_TOKENS } from "./tokens.ts";

/** The pass, to be used only where it was measured to be faster. */
const ifFaster = (pass: Pass): Pass => ({ ...pass, candidate: true });
/** The pass whatever it costs, since the device lacks the operator. */
const always = (pass: Pass): Pass => ({ ...pass, kinds: undefined });

/** The passes for ONNX Runtime's CPU provider (native and WASM), in order. */
export const CPU_PASSES: readonly Pass[] = [
  WHOLE_ROUNDING,
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  CHANNEL_NORM,
  EXACT_NORM,
  WINOGRAD_CONV,
  WINOGRAD_WEIGHT_GRADIENT,
  WEIGHT_GRADIENT,
  BLOCKED_DEPTHWISE,
  PLANAR_CONV_TRANSPOSE,
  SINK_TRANSPOSES,
  CHANNEL_MEAN,
  STAGED_SUMS,
  ATTENTION_PIECES,
];

/**
 * The passes for ONNX Runtime's WebGPU provider, in order: it has no 3-D ConvTranspose and no grouped 3-D Conv, runs
 * the dense one and weight gradients written as such with one thread an element, and normalises inexactly.
 */
export const WEBGPU_PASSES: readonly Pass[] = [
  WHOLE_ROUNDING,
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  CHANNEL_NORM,
  EXACT_NORM,
  TWO_PASS_NORM,
  WEIGHT_GRADIENT,
  PRODUCT_CONV_TRANSPOSE,
  SPREAD_CONV_TRANSPOSE,
  always(PLANAR_GROUPED_CONV),
  PRODUCT_CONV,
  PLANAR_CONV,
  SINK_TRANSPOSES,
  STAGED_SUMS,
  ATTENTION_PIECES,
];

/**
 * The passes for ONNX Runtime's CUDA provider, in order. cuDNN has every convolution and normalises exactly, so most
 * other forms are used only if they were measured to be faster. No `CHANNEL_MEAN`: products round to the device's
 * precision.
 */
export const CUDA_PASSES: readonly Pass[] = [
  WHOLE_ROUNDING,
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  ifFaster(CHANNEL_NORM),
  WEIGHT_GRADIENT,
  ifFaster(BLOCKED_DEPTHWISE),
  ifFaster(PLANAR_GROUPED_CONV),
  ifFaster(PLANAR_CONV_TRANSPOSE),
  ifFaster(PRODUCT_CONV_TRANSPOSE),
  ifFaster(SINK_TRANSPOSES),
  FEWER_PADDED_AXES,
  ATTENTION_PIECES,
];

/** Transposed convolutions have no bfloat16 kernel; as products they can be narrowed. */
export const MIXED_CUDA_PASSES: readonly Pass[] = [
  ...CUDA_PASSES.map((pass) => pass.name === PRODUCT_CONV_TRANSPOSE.name ? PRODUCT_CONV_TRANSPOSE : pass),
  MIXED_PRECISION,
];

/** For what OpenVINO computes wrongly. */
const OPENVINO_ONLY: readonly Pass[] = [PAD_BY_MASK, NEAREST_BY_GATHER, COUNTED_POOL];

/**
 * The passes for OpenVINO on the processor, in order. Its convolutions leave the channels last: normalisations, sums and
 * tokens are written so that they stay there. Its own depthwise and transposed convolutions are as fast as ours.
 */
export const OPENVINO_PASSES: readonly Pass[] = [
  WHOLE_ROUNDING,
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  AXIS_NORM,
  EXACT_NORM,
  VOLUME_TOKENS,
  WINOGRAD_CONV,
  WINOGRAD_WEIGHT_GRADIENT,
  WEIGHT_GRADIENT,
  SUMS_BY_AXES,
  STAGED_SUMS,
  ATTENTION_PIECES,
  ...OPENVINO_ONLY,
];

/** In bfloat16 a minimal filter gains little, and its sums of neighbours lose digits before they are rounded. */
const IN_FLOAT32_ONLY: readonly string[] = [WINOGRAD_CONV.name, WINOGRAD_WEIGHT_GRADIENT.name];

/** Products and convolutions in bfloat16 by Casts of the graph, so that the device keeps everything else in float32. */
export const MIXED_OPENVINO_PASSES: readonly Pass[] = [
  ...OPENVINO_PASSES.filter(({ name }) => !IN_FLOAT32_ONLY.includes(name)),
  MIXED_ON_PROCESSOR,
  NARROW_EARLY,
];
