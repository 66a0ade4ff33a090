/** Lowering: rewrites a graph into the forms that an execution provider runs fast. */
import type { Graph } from "../ir/ir.ts";
import { mergeEqual } from "./merge.ts";
import { CPU_PASSES, CUDA_PASSES, MIXED_CUDA_PASSES, WEBGPU_PASSES } from "./lists.ts";
import { applyPass, type Cost, type Costs, type Pass, type PassReport, type Target } from "./pass.ts";
import { MERGE_VIEWS } from "./views.ts";

export { ATTENTION_PIECES } from "./attention.ts";
export { MIXED_PRECISION } from "./precision.ts";
export { CPU_PASSES, CUDA_PASSES, MIXED_CUDA_PASSES, WEBGPU_PASSES };
export type { Cost, Costs, Pass, PassReport, Target };

/** What a temporary may take where the caller does not say. */
const TEMPORARY_BYTES = 64 * 2 ** 20;

/** How a device wants its graphs: the passes of its provider and what is known of it. */
export interface Lowering extends Partial<Target> {
  readonly passes: readonly Pass[];
}

/**
 * Applies `passes` in order, then makes one of several views and of equal nodes; the reports say what fired and why the
 * rest did not.
 */
export function lower(
  graph: Graph,
  passes: readonly Pass[] = CPU_PASSES,
  given: Partial<Target> = {},
): { graph: Graph; reports: readonly PassReport[] } {
  const target: Target = { temporaryBytes: given.temporaryBytes ?? TEMPORARY_BYTES, costs: given.costs };
  const reports: PassReport[] = [];
  let current = graph;
  for (const pass of [...passes, MERGE_VIEWS]) {
    const step = applyPass(current, pass, target);
    current = step.graph;
    reports.push(step.report);
  }
  return { graph: mergeEqual(current), reports };
}

/** A device by name; callers with a {@link Lowering} need none. */
export interface TargetDevice {
  readonly provider: "cpu" | "cuda" | "wasm" | "webgpu";
  readonly precision: "float32" | "tf32" | "mixed";
  readonly costs?: Costs | undefined;
}

/** The passes for a device. */
export function passesFor({ provider, precision }: TargetDevice): readonly Pass[] {
  if (provider === "webgpu") return WEBGPU_PASSES;
  if (provider !== "cuda") return CPU_PASSES;
  return precision === "mixed" ? MIXED_CUDA_PASSES : CUDA_PASSES;
}

/** A card has the memory, and every further piece costs it the start of several kernels. */
const CUDA_TEMPORARY_BYTES = 2 ** 30;

/** `graph` as the device runs it. */
export function lowerFor(device: Lowering | TargetDevice, graph: Graph): Graph {
  if ("passes" in device) return lower(graph, device.passes, device).graph;
  const given = { costs: device.costs, ...(device.provider === "cuda" && { temporaryBytes: CUDA_TEMPORARY_BYTES }) };
  return lower(graph, passesFor(device), given).graph;
}
