/** Lowering: rewrites a graph into the forms that an execution provider runs fast. */
import type { Graph } from "../ir/ir.ts";
import { mergeEqual } from "./merge.ts";
import { CPU_PASSES } from "./lists.ts";
import { applyPass, type Pass, type PassReport, type Target } from "./pass.ts";
import { MERGE_VIEWS } from "./views.ts";

/** Largest temporary where the caller states none, bytes. */
const TEMPORARY_BYTES = 64 * 2 ** 20;

/** How graphs are lowered for a device: its provider's passes, its memory for temporaries and measured costs. */
export interface Lowering extends Partial<Target> {
  readonly passes: readonly Pass[];
}

/**
 * Applies `passes` in order, then joins views and merges equal nodes. The reports count the rewrites of each pass and
 * give the reason for every node that it left alone.
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

/** The graph in the form in which a device runs it. */
export function lowerFor({ passes, ...target }: Lowering, graph: Graph): Graph {
  return lower(graph, passes, target).graph;
}
