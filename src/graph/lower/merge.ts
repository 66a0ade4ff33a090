/**
 * Merges equal nodes, which gradients and lowering write several times. ONNX Runtime is told not to merge any, since it
 * would undo what `rematerialise.ts` computes twice on purpose.
 */
import { type Graph, type Node, rewired } from "../ir/ir.ts";
import { sizeOf, type Tensor } from "../../tensor/mod.ts";

/** Larger constants are weights, which stay apart even where they are equal. */
const MOST_ELEMENTS = 2 ** 12;

/** The graph with one node for all that apply the same operator to the same values; every output keeps its node. */
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

/** A key of the constant's type and bits, in which 0 and −0 differ. */
function keyOf({ dtype, shape, data }: Tensor): string {
  return `${dtype}[${shape}]${new Uint8Array(data.buffer, data.byteOffset, data.byteLength)}`;
}
