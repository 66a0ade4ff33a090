/** A lowering pass: pattern, check that says why it does not fire, rewrite. Passes return new graphs. */
import { type BuiltNode, GraphBuilder } from "../build/builder.ts";
import type { Graph, Node, Ops, Value } from "../ir/ir.ts";
import type { Tensor, TensorType } from "../../tensor/mod.ts";

/** What a pass may know of the device. */
export interface Target {
  /** No temporary that a rewrite makes may be larger, bytes. */
  readonly temporaryBytes: number;
  /** What was measured there; a kind without an entry is rewritten as by default. */
  readonly costs?: Costs | undefined;
}

/** What temporaries are counted by: an element of float32. */
export const FLOAT_BYTES = 4;

/** How long the sample of a kind takes on a device; Infinity: the device refuses that form. */
export interface Cost {
  readonly withoutMs: number;
  readonly withMs: number;
}

/** Costs without and with a pass, by {@link costKey}. */
export type Costs = Readonly<Record<string, Cost>>;

export const costKey = (pass: Pass, kind: Kind): string => `${pass.name}/${kind.name}`;

/** Work that a kind of match is part of, built from the inputs that it asks for. */
export type Sample = (b: GraphBuilder, input: (shape: readonly number[]) => Value) => readonly Value[];

/** Matches that a device is taken to run alike, so that one measured sample decides for all of them. */
export interface Kind {
  readonly name: string;
  readonly includes: (match: Match) => boolean;
  readonly sample: Sample;
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
  /** What makes a value, in the graph as rewritten so far. */
  readonly producerOf: (value: Value) => BuiltNode | undefined;
  /** The tensor behind a value, when it is a constant. */
  readonly constantOf: (value: Value) => Tensor | undefined;
  /** How many nodes use input `i`, and how many outputs of the graph it is. */
  readonly usesOf: (i: number) => number;
}

export interface Pass {
  readonly name: string;
  /** The operator that the pattern ends with; absent: any. */
  readonly op?: Node["op"];
  /** Null where the rewrite applies, otherwise why it does not. Undefined: the node is not of this pattern at all. */
  readonly check: (match: Match, target: Target) => string | null | undefined;
  /** Where the rewrite is a matter of speed: the kinds that are measured, the first that includes a match is its own. */
  readonly kinds?: readonly Kind[];
  /** The rewrite is only made where it was measured to be faster; otherwise: unless it was measured to be slower. */
  readonly candidate?: boolean;
  /** Builds the replacement of `node`; its type must equal the node's. */
  readonly rewrite: (op: Ops, inputs: readonly Value[], match: Match, target: Target) => Value;
}

/** What a pass did: how often it fired, and for each node of its pattern that it left alone, the reason. */
export interface PassReport {
  readonly pass: string;
  readonly fired: number;
  readonly skipped: readonly { readonly node: string; readonly why: string }[];
}

/** Differences below this share are noise and change nothing. */
const NOISE = 0.05;

/** Why what was measured, or was not, speaks against the rewrite; null where it does not. */
function whySlower(pass: Pass, match: Match, costs: Costs = {}): string | null {
  const kind = pass.kinds?.find((k) => k.includes(match));
  const cost = kind && costs[costKey(pass, kind)];
  const ratio = cost ? cost.withMs / cost.withoutMs : NaN; // NaN also where the device refuses both forms
  if (Number.isNaN(ratio)) return pass.candidate ? "not measured on this device" : null;
  if (pass.candidate ? ratio < 1 - NOISE : ratio <= 1 + NOISE) return null;
  return ratio === Infinity ? "refused by this device" : `takes ${ratio.toFixed(2)} times as long on this device`;
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
      producerOf: (value) => producers.get(value.name),
      constantOf: (value) => b.constantOf(value),
      usesOf: (i) =>
        (consumers.get(node.inputs[i])?.length ?? 0) + graph.outputs.filter((n) => n === node.inputs[i]).length,
    };
    const unsuited = pass.check(match, target);
    if (unsuited === undefined) return undefined;
    const why = unsuited ?? whySlower(pass, match, target.costs);
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
