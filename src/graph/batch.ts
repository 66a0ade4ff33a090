/**
 * Turns a network for one sample into one for several: the leading axis of its inputs and outputs, of size 1, becomes
 * the batch. Not a vectorisation of every graph: one that moves or mixes that axis is refused.
 */
import { GraphBuilder } from "./build/builder.ts";
import type { Graph, Node, Value } from "./ir/ir.ts";
import { sameShape } from "../tensor/mod.ts";

/** Operators with the whole shape of their output as a constant input, and the number of that input. */
const TARGET_SHAPE: Readonly<Partial<Record<Node["op"], number>>> = { Reshape: 1, Expand: 1, Resize: 3 };

/**
 * The graph for `n` samples: every value that depends on an input has the leading axis `n` in place of 1, and sample
 * `i` of it equals the graph's value for sample `i` of the inputs.
 * @throws {RangeError} an input's leading axis is not 1, or an operator does not keep samples apart
 */
export function batched(graph: Graph, n: number): Graph {
  const b = new GraphBuilder();
  const several = (shape: readonly number[]) => [n, ...shape.slice(1)];
  const inputs = new Map<string, Value>();
  for (const name of graph.inputs) {
    const { dtype, shape } = graph.types.get(name)!;
    if (shape[0] !== 1) throw new RangeError(`Cannot batch ${name}: expected a leading axis of 1, got [${shape}]`);
    inputs.set(name, b.input(name, { dtype, shape: several(shape) }));
  }
  const perSample = new Set(graph.inputs);
  const values = b.inline(graph, (name) => inputs.get(name), (node, known) => {
    if (!node.inputs.some((name) => perSample.has(name))) return undefined;
    const shape = graph.types.get(node.output)!.shape;
    const y = keepsApart(node, { graph, perSample }) ? applied(b, node, { known, shape: several(shape) }) : null;
    if (y === null || shape[0] !== 1 || !sameShape(y.shape, several(shape))) {
      throw new RangeError(`Cannot batch ${node.output}: ${node.op} does not keep samples apart`);
    }
    perSample.add(node.output);
    return y;
  });
  return b.build(graph.name, Object.fromEntries(graph.outputs.map((name) => [name, values.get(name)!])));
}

/**
 * Reports whether a node leaves samples apart in ways that shapes do not show: it must not normalise or cut along the
 * leading axis, and the leading axis of each operand must meet that of the output (broadcasting aligns the last axes).
 */
function keepsApart(
  { op, inputs, output, attrs }: Node,
  { graph, perSample }: { graph: Graph; perSample: ReadonlySet<string> },
): boolean {
  const rank = (name: string) => graph.types.get(name)!.shape.length;
  if ("axis" in attrs && (attrs.axis === 0 || attrs.axis === -rank(inputs[0]))) return false;
  if (op === "Slice") {
    const axes = graph.constants.get(inputs[3]);
    if (axes === undefined || [...axes.data].some((axis) => Number(axis) === 0 || Number(axis) === -rank(inputs[0]))) {
      return false;
    }
  }
  return op === "Reshape" || inputs.every((name) => !perSample.has(name) || rank(name) >= rank(output));
}

/** The node applied to values of several samples; null where their shapes do not fit together. */
function applied(
  b: GraphBuilder,
  { op, inputs, attrs }: Node,
  { known, shape }: { known: ReadonlyMap<string, Value>; shape: readonly number[] },
): Value | null {
  const target = TARGET_SHAPE[op];
  const x = inputs.map((name, i) => i === target ? b.literal("int64", shape) : name === "" ? null : known.get(name)!);
  try {
    return b.add(op, x, attrs);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}
