/** A lowering pass: `match` returns what a rewrite needs, or the reason against it; `rewrite` builds the new form. */
import { GraphBuilder } from "../build/builder.ts";
import type { BuiltNode, Graph, Node, OpName, Ops, PerInput, Value } from "../ir/ir.ts";
import { inputsOf } from "../ir/signatures.ts";
import type { Tensor, TensorType } from "../../tensor/mod.ts";

/** The facts about a device that a pass may use. */
export interface Target {
  /** Largest temporary that a rewrite may make, bytes. */
  readonly temporaryBytes: number;
  /** Measured costs; for a kind without an entry the pass's default decides. */
  readonly costs?: Costs | undefined;
}

/** Size of an element of a temporary (float32), bytes. */
export const FLOAT_BYTES = 4;

/** Time of a kind's sample on a device in both forms; Infinity: the device refuses the form. */
export interface Cost {
  readonly withoutMs: number;
  readonly withMs: number;
}

/** Costs by {@link costKey}. */
export type Costs = Readonly<Record<string, Cost>>;

export const costKey = (pass: Pass, kind: Kind): string => `${pass.name}/${kind.name}`;

/** Builds the work to be timed for a kind, from the inputs that it asks for. */
export type Sample = (b: GraphBuilder, input: (shape: readonly number[]) => Value) => readonly Value[];

/** Matches for all of which one measured sample decides. */
export interface Kind<K extends OpName = OpName> {
  readonly name: string;
  readonly includes: (match: Match<K>) => boolean;
  readonly sample: Sample;
}

/** A node of operator `K` and what surrounds it. */
export interface Match<K extends OpName = OpName> {
  readonly node: Node<K>;
  /** Input and output types. */
  readonly x: PerInput<K, TensorType>;
  readonly y: TensorType;
  /** The node that makes each input, in the rewritten graph; undefined for graph inputs and constants. */
  readonly producers: readonly (BuiltNode | undefined)[];
  /** The tensors of constant inputs. */
  readonly constants: readonly (Tensor | undefined)[];
  /** The nodes that use the output. */
  readonly consumers: readonly Node[];
  /** The node that makes a value, in the rewritten graph. */
  readonly producerOf: (value: Value) => BuiltNode | undefined;
  /** The tensor behind a value, when it is a constant. */
  readonly constantOf: (value: Value | null | undefined) => Tensor | undefined;
  /** Number of uses of input `i`: by nodes, and as an output of the graph. */
  readonly usesOf: (i: number) => number;
  /** The nodes that use input `i`; an output of the graph has one more use. */
  readonly usersOf: (i: number) => readonly Node[];
}

/** A pass as an author writes it: `match` finds the bindings `B`, `rewrite` uses them. */
export interface PassSpec<K extends OpName, B extends object> {
  readonly name: string;
  /** Applied again until nothing is rewritten: a rewrite makes new matches. */
  readonly repeats?: boolean;
  /** The operators that the pattern ends with. */
  readonly ops: readonly K[];
  /** Returns the bindings; or the reason why the rewrite does not apply; or undefined: the pattern is another one. */
  readonly match: (match: Match<K>, target: Target) => B | string | undefined;
  /** The kinds that are measured, for a pass that is about speed; the first that includes a match decides on it. */
  readonly kinds?: readonly Kind<NoInfer<K>>[];
  /** Builds the replacement of the node; its type must equal the node's. */
  readonly rewrite: (op: Ops, inputs: PerInput<K, Value>, found: B, target: Target) => Value;
}

/** A rewrite that applies to a node, given the values of its inputs. */
export type Rewrite = (op: Ops, inputs: readonly (Value | undefined)[]) => Value;

/** A pass as lowering runs it, whatever its operators. */
export interface Pass {
  readonly name: string;
  readonly kinds?: readonly Kind[] | undefined;
  /** True: rewrites only what was measured to be faster. Otherwise all but what was measured to be slower. */
  readonly candidate?: boolean;
  readonly repeats?: boolean | undefined;
  readonly match: (match: Match, target: Target) => Rewrite | string | undefined;
}

/** Makes a pass of its specification; only nodes of `spec.ops` reach `spec.match`. */
export function pass<const K extends OpName, B extends object>(spec: PassSpec<K, B>): Pass {
  const isOfPass = (match: Match): match is Match & Match<K> => spec.ops.some((op) => op === match.node.op);
  return {
    name: spec.name,
    repeats: spec.repeats,
    kinds: spec.kinds?.map((kind) => ({ ...kind, includes: (match) => isOfPass(match) && kind.includes(match) })),
    match: (match, target) => {
      if (!isOfPass(match)) return undefined;
      const found = spec.match(match, target);
      if (typeof found !== "object") return found;
      return (op, inputs) => spec.rewrite(op, inputsOf(match.node.op, inputs), found, target);
    },
  };
}

/** How often a pass fired, and the reason for each node of its pattern that it left alone. */
export interface PassReport {
  readonly pass: string;
  readonly fired: number;
  readonly skipped: readonly { readonly node: string; readonly why: string }[];
}

/** Smaller relative differences of time are noise. */
const NOISE = 0.05;

/** The reason in the measured costs, or in their absence, against a rewrite; null where there is none. */
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
    for (; seen < b.nodes.length; seen++) producers.set(b.nodes[seen].y.name, b.nodes[seen]);
    const match: Match = {
      node,
      x: inputsOf(node.op, node.inputs.map((n) => graph.types.get(n))),
      y: graph.types.get(node.output)!,
      producers: node.inputs.map((n) => producers.get(known.get(n)?.name ?? "")),
      constants: node.inputs.map((n) => graph.constants.get(n)),
      consumers: consumers.get(node.output)?.map((use) => use.node) ?? [],
      producerOf: (value) => producers.get(value.name),
      constantOf: (value) => b.constantOf(value),
      usesOf: (i) =>
        (consumers.get(node.inputs[i])?.length ?? 0) + graph.outputs.filter((n) => n === node.inputs[i]).length,
      usersOf: (i) => consumers.get(node.inputs[i])?.map((use) => use.node) ?? [],
    };
    const rewrite = pass.match(match, target);
    if (rewrite === undefined) return undefined;
    const skip = (why: string) => void skipped.push({ node: node.output, why });
    if (typeof rewrite === "string") return skip(rewrite);
    const slower = whySlower(pass, match, target.costs);
    if (slower !== null) return skip(slower);
    fired++;
    return rewrite(b.op, node.inputs.map((n) => known.get(n)));
  });
  const outputs = Object.fromEntries(graph.outputs.map((name) => [name, values.get(name)!]));
  return { graph: b.build(graph.name, outputs), report: { pass: pass.name, fired, skipped } };
}
