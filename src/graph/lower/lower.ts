/** Lowering: rewrites a graph into the forms that an execution provider runs fast. */
import type { Graph } from "../ir/ir.ts";
import { mergeEqual } from "./merge.ts";
import { CPU_PASSES } from "./lists.ts";
import { applyPass, type Pass, type PassReport, type Target } from "./pass.ts";
import { MERGE_VIEWS } from "./views.ts";

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

/** `graph` as a device runs it. */
export function lowerFor({ passes, ...target }: Lowering, graph: Graph): Graph {
  return lower(graph, passes, target).graph;
}
