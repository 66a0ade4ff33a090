/** Lowering: rewrites a graph into the forms that an execution provider runs fast. A list of named passes. */
import type { Graph } from "../ir/ir.ts";
import { mergeEqual } from "../schedule/merge.ts";
import { ATTENTION_PIECES } from "./attention.ts";
import { PLANAR_CONV_TRANSPOSE, PRODUCT_CONV_TRANSPOSE, SPREAD_CONV_TRANSPOSE } from "./conv/conv_transpose.ts";
import { BLOCKED_DEPTHWISE } from "./conv/depthwise.ts";
import { NORM_AFTER_CONV, NORM_BEFORE_CONV } from "./fold_norm.ts";
import { CHANNEL_MEAN, CHANNEL_NORM, SINK_TRANSPOSES } from "./layout.ts";
import { TWO_PASS_NORM } from "./norm.ts";
import { FEWER_PADDED_AXES } from "./pad.ts";
import { MIXED_PRECISION } from "./precision.ts";
import { applyPass, type Cost, type Costs, type Pass, type PassReport, type Target } from "./pass.ts";
import { PLANAR_CONV, PLANAR_GROUPED_CONV, PRODUCT_CONV } from "./conv/planar_conv.ts";
import { MERGE_VIEWS } from "./views.ts";
import { WEIGHT_GRADIENT } from "./conv/weight_gradient.ts";
import { WINOGRAD_CONV } from "./conv/winograd.ts";
import { WINOGRAD_WEIGHT_GRADIENT } from "./conv/winograd_gradient.ts";

export { ATTENTION_PIECES, MIXED_PRECISION };
export type { Cost, Costs, Pass, PassReport, Target };

/** The pass where it is measured to be faster, and nowhere else. */
const ifFaster = (pass: Pass): Pass => ({ ...pass, candidate: true });
/** The pass whatever it costs: the device lacks the operator. */
const always = (pass: Pass): Pass => ({ ...pass, kinds: undefined });

/** The passes for ONNX Runtime's CPU provider (native and WASM), in order. */
export const CPU_PASSES: readonly Pass[] = [
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  CHANNEL_NORM,
  WINOGRAD_CONV,
  WINOGRAD_WEIGHT_GRADIENT,
  WEIGHT_GRADIENT,
  BLOCKED_DEPTHWISE,
  PLANAR_CONV_TRANSPOSE,
  SINK_TRANSPOSES,
  CHANNEL_MEAN,
  ATTENTION_PIECES,
];

/**
 * The passes for ONNX Runtime's WebGPU provider, in order: it has no 3-D ConvTranspose and no grouped 3-D Conv, runs the
 * dense one and weight gradients written as such with one thread an element, and normalises inexactly.
 */
export const WEBGPU_PASSES: readonly Pass[] = [
  NORM_AFTER_CONV,
  NORM_BEFORE_CONV,
  CHANNEL_NORM,
  TWO_PASS_NORM,
  WEIGHT_GRADIENT,
  PRODUCT_CONV_TRANSPOSE,
  SPREAD_CONV_TRANSPOSE,
  always(PLANAR_GROUPED_CONV),
  PRODUCT_CONV,
  PLANAR_CONV,
  SINK_TRANSPOSES,
  ATTENTION_PIECES,
];

/**
 * The passes for ONNX Runtime's CUDA provider, in order: cuDNN has every convolution, and normalises exactly, so that most
 * other forms must earn their place on the card at hand. Not `CHANNEL_MEAN`: products round to the device's precision.
 */
export const CUDA_PASSES: readonly Pass[] = [
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

/** In mixed precision a product is narrowed, and a transposed convolution, which has no bfloat16 kernel, is not. */
const MIXED_CUDA_PASSES: readonly Pass[] = [
  ...CUDA_PASSES.map((pass) => pass.name === PRODUCT_CONV_TRANSPOSE.name ? PRODUCT_CONV_TRANSPOSE : pass),
  MIXED_PRECISION,
];

/** What lowering asks of a device. */
export interface TargetDevice {
  readonly provider: "cpu" | "cuda" | "wasm" | "webgpu";
  readonly precision: "float32" | "tf32" | "mixed";
  /** What was measured of it. */
  readonly costs?: Costs | undefined;
}

/** The passes for a device. */
export function passesFor({ provider, precision }: TargetDevice): readonly Pass[] {
  if (provider === "webgpu") return WEBGPU_PASSES;
  if (provider !== "cuda") return CPU_PASSES;
  return precision === "mixed" ? MIXED_CUDA_PASSES : CUDA_PASSES;
}

const DEFAULT_TARGET: Target = { temporaryBytes: 64 * 2 ** 20 };

/** A card has the memory, and every further piece costs it the start of several kernels. */
const CUDA_TEMPORARY_BYTES = 2 ** 30;

/**
 * Applies `passes` in order, then makes one of several views and of equal nodes; the reports say what fired and why the
 * rest did not.
 */
export function lower(
  graph: Graph,
  passes: readonly Pass[] = CPU_PASSES,
  given: Partial<Target> = {},
): { graph: Graph; reports: readonly PassReport[] } {
  const target = { ...DEFAULT_TARGET, ...given };
  const reports: PassReport[] = [];
  let current = graph;
  for (const pass of [...passes, MERGE_VIEWS]) {
    const step = applyPass(current, pass, target);
    current = step.graph;
    reports.push(step.report);
  }
  return { graph: mergeEqual(current), reports };
}

/** `graph` as `device` runs it, by its passes and what was measured of it. */
export function lowerFor(device: TargetDevice, graph: Graph): Graph {
  const given = { costs: device.costs, ...(device.provider === "cuda" && { temporaryBytes: CUDA_TEMPORARY_BYTES }) };
  return lower(graph, passesFor(device), given).graph;
}
