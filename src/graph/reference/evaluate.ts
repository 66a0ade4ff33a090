/** The float64 reference with which engines and gradients are compared. Slow by design. */
import type { Graph, Node, OpName } from "../ir/ir.ts";
import { fromTensor } from "../../tensor/ndarray.ts";
import { type NdArray, sameShape, type Tensor, type TensorType } from "../../tensor/mod.ts";
import { inputsOf } from "../ir/signatures.ts";
import { opDef } from "../ops/mod.ts";

/**
 * Computes the outputs of `graph` in float64, whatever its dtypes.
 * @throws {RangeError} a feed is missing or has another shape than the graph's input
 */
export function evaluate(graph: Graph, feeds: Readonly<Record<string, Tensor | NdArray>>): Record<string, NdArray> {
  const values = new Map<string, NdArray>();
  for (const name of graph.inputs) {
    const feed = feeds[name];
    const { shape } = graph.types.get(name)!;
    if (feed === undefined || !sameShape(feed.shape, shape)) {
      throw new RangeError(`Cannot evaluate ${graph.name}: expected input ${name} [${shape}], got [${feed?.shape}]`);
    }
    values.set(name, "dtype" in feed ? fromTensor(feed) : feed);
  }
  for (const [name, constant] of graph.constants) values.set(name, fromTensor(constant));
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, i) => node.inputs.forEach((n) => lastUse.set(n, i)));
  const outputs = new Set(graph.outputs);
  graph.nodes.forEach((node, i) => {
    values.set(node.output, apply(node, graph.types.get(node.output)!, values));
    for (const n of node.inputs) if (lastUse.get(n) === i && !outputs.has(n)) values.delete(n);
  });
  return Object.fromEntries(graph.outputs.map((n) => [n, values.get(n)!]));
}

function apply<K extends OpName>(
  { op, inputs, attrs }: Node<K>,
  y: TensorType,
  values: ReadonlyMap<string, NdArray>,
): NdArray {
  return opDef(op).evaluate(inputsOf(op, inputs.map((name) => values.get(name))), attrs, y);
}
