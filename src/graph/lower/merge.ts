/**
 * Equal nodes made one: what gradients and lowering write down twice is computed once. The runtime would do so, too, but
 * would then undo what `rematerialise.ts` computes twice on purpose; so it is told not to, and the compiler does it before.
 */
import { type Graph, type Node, rewired } from "../ir/ir.ts";
import { sizeOf, type Tensor } from "../../tensor/mod.ts";

/** Larger constants are weights: each stays itself, whatever it holds. */
const MOST_ELEMENTS = 2 ** 12;

/** The graph with one node for all that apply the same operator to the same values; outputs stay nodes of their own. */
export function mergeEqual(graph: Graph): Graph {
  const first = new Map<string, string>(), same = new Map<string, string>();
  const meets = (name: string, key: string): boolean => {
    const known = first.get(key);
    if (known === undefined) first.set(key, name);
    else same.set(name, known);
    return known !== undefined;
  };
  for (const [name, value] of graph.constants) if (sizeOf(value.shape) <= MOST_ELEMENTS) meets(name, keyOf(value));
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const { op, output, attrs } = node, inputs = node.inputs.map((name) => same.get(name) ?? name);
    const isOutput = graph.outputs.includes(output);
    if (isOutput || !meets(output, JSON.stringify([op, inputs, attrs]))) nodes.push(rewired(node, { inputs, output }));
  }
  const isHeld = (name: string) => !same.has(name);
  return {
    name: graph.name,
    inputs: graph.inputs,
    outputs: graph.outputs,
    constants: new Map([...graph.constants].filter(([name]) => isHeld(name))),
    nodes,
    types: new Map([...graph.types].filter(([name]) => isHeld(name))),
  };
}

/** Tells the constant's type and bits, so that 0 and −0 stay apart. */
function keyOf({ dtype, shape, data }: Tensor): string {
  return `${dtype}[${shape}]${new Uint8Array(data.buffer, data.byteOffset, data.byteLength)}`;
}
