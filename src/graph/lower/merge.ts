/**
 * Equal nodes made one: what gradients and lowering write down twice is computed once. The runtime would do so, too, but
 * would then undo what `rematerialise.ts` computes twice on purpose; so it is told not to, and the compiler does it before.
 */
import type { Graph, Node } from "../ir/ir.ts";
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
    const inputs = node.inputs.map((name) => same.get(name) ?? name);
    const isOutput = graph.outputs.includes(node.output);
    if (isOutput || !meets(node.output, JSON.stringify([node.op, inputs, node.attrs]))) nodes.push({ ...node, inputs });
  }
  const isHeld = (name: string) => !same.has(name);
  return {
    ...graph,
    nodes,
    constants: new Map([...graph.constants].filter(([name]) => isHeld(name))),
    types: new Map([...graph.types].filter(([name]) => isHeld(name))),
  } satisfies Graph;
}

/** Tells the constant's type and bits, so that 0 and −0 stay apart. */
function keyOf({ dtype, shape, data }: Tensor): string {
  return `${dtype}[${shape}]${new Uint8Array(data.buffer, data.byteOffset, data.byteLength)}`;
}
