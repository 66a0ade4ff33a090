/** A lowering pass: pattern, check that says why it does not fire, rewrite. Passes return new graphs. */
import { type BuiltNode, GraphBuilder } from "../builder.ts";
import type { Graph, Node, Ops, Value } from "../ir.ts";
import type { Tensor, TensorType } from "../tensor.ts";

/** What a pass may know of the device. */
export interface Target {
  /** No temporary that a rewrite makes may be larger, bytes. */
  readonly temporaryBytes: number;
}

export interface Match {
  readonly node: Node;
  /** Input and output types. */
  readonly x: readonly TensorType[];
  readonly y: TensorType;
  /** What makes each input, in the graph as rewritten so far; undefined for graph inputs and constants. */
  readonly producers: readonly (BuiltNode | undefined)[];
  /** The tensors of constant inputs. */
  readonly constants: readonly (Tensor | undefined)[];
  /** The nodes that use the output. */
  readonly consumers: readonly Node[];
}

export interface Pass {
  readonly name: string;
  /** The operator that the pattern ends with; absent: any. */
  readonly op?: Node["op"];
  /** Null where the rewrite applies, otherwise why it does not. Undefined: the node is not of this pattern at all. */
  readonly check: (match: Match, target: Target) => string | null | undefined;
  /** Builds the replacement of `node`; its type must equal the node's. */
  readonly rewrite: (op: Ops, inputs: readonly Value[], match: Match, target: Target) => Value;
}

/** What a pass did: how often it fired, and for each node of its pattern that it left alone, the reason. */
export interface PassReport {
  readonly pass: string;
  readonly fired: number;
  readonly skipped: readonly { readonly node: string; readonly why: string }[];
}

/** Applies one pass to every node of a graph. */
export function applyPass(graph: Graph, pass: Pass, target: Target): { graph: Graph; report: PassReport } {
  const b = new GraphBuilder();
  for (const name of graph.inputs) b.input(name, graph.types.get(name)!);
  const inputs = new Map(b.inputs.map((v) => [v.name, v]));
  const consumers = Map.groupBy(
    graph.nodes.flatMap((node) => node.inputs.map((name) => ({ name, node }))),
    (use) => use.name,
  );
  const producers = new Map<string, BuiltNode>();
  let seen = 0, fired = 0;
  const skipped: { node: string; why: string }[] = [];
  const values = b.inline(graph, (name) => inputs.get(name), (node, known) => {
    if (pass.op !== undefined && node.op !== pass.op) return undefined;
    for (; seen < b.nodes.length; seen++) producers.set(b.nodes[seen].y.name, b.nodes[seen]);
    const match: Match = {
      node,
      x: node.inputs.map((n) => graph.types.get(n)!),
      y: graph.types.get(node.output)!,
      producers: node.inputs.map((n) => producers.get(known.get(n)?.name ?? "")),
      constants: node.inputs.map((n) => graph.constants.get(n)),
      consumers: consumers.get(node.output)?.map((use) => use.node) ?? [],
    };
    const why = pass.check(match, target);
    if (why === undefined) return undefined;
    if (why !== null) {
      skipped.push({ node: node.output, why });
      return undefined;
    }
    fired++;
    return pass.rewrite(b.op, node.inputs.map((n) => known.get(n)!), match, target);
  });
  const outputs = Object.fromEntries(graph.outputs.map((name) => [name, values.get(name)!]));
  return { graph: b.build(graph.name, outputs), report: { pass: pass.name, fired, skipped } };
}
