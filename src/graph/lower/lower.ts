/** Lowering: rewrites a graph into the forms that an execution provider runs fast. */
import type { Graph } from "../ir/ir.ts";
import { mergeEqual } from "./merge.ts";
import { applyPass, type Pass, type PassReport, type Target } from "./pass.ts";
import { MERGE_VIEWS } from "./views.ts";

/** Largest temporary where the caller states none, bytes. */
const TEMPORARY_BYTES = 64 * 2 ** 20;

/** How graphs are lowered for a device: its provider's passes, its memory for temporaries and measured costs. */
export interface Lowering extends Partial<Target> {
  readonly passes: readonly Pass[];
}

/**
 * The graph in the form in which a device runs it: applies the passes in order, then joins views and merges equal nodes.
 * The reports count the rewrites of each pass and give the reason for every node that it left alone.
 */
export function lower(
  graph: Graph,
  { passes, temporaryBytes = TEMPORARY_BYTES, costs }: Lowering,
): { graph: Graph; reports: readonly PassReport[] } {
  const reports: PassReport[] = [];
  let current = graph;
  for (const pass of [...passes, MERGE_VIEWS]) {
    let step = applyPass(current, pass, { temporaryBytes, costs }), { fired } = step.report;
    while (pass.repeats && step.report.fired > 0) {
      step = applyPass(step.graph, pass, { temporaryBytes, costs });
      fired += step.report.fired;
    }
    current = step.graph;
    reports.push({ ...step.report, fired });
  }
  return { graph: mergeEqual(current), reports };
}
