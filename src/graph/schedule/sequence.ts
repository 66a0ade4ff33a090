/**
 * The order in which a graph runs. ONNX Runtime does not follow the order of the file: it starts with the nodes that
 * the file's last leaf needs. An order that saves memory must follow from its rules or be forced by a dependency.
 */
import { GraphBuilder } from "../build/builder.ts";
import type { Graph, Node, Value } from "../ir/ir.ts";
import { sizeOf } from "../../tensor/mod.ts";

/**
 * The nodes in the order of ONNX Runtime's sequential executor: depth first from the nodes that nothing uses, the
 * file's last one first; a node's inputs, too, the file's last one first. Nodes that its optimizer joins move a little
 * (20 of 7,355 nodes of a training step).
 */
export function runOrder({ nodes }: Graph): Node[] {
  const maker = new Map(nodes.map(({ output }, i) => [output, i]));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const order: Node[] = [], entered = new Set<number>();
  const stack = nodes.flatMap(({ output }, i) => (used.has(output) ? [] : [i]));
  while (stack.length > 0) {
    const i = stack.pop()!;
    if (i < 0) order.push(nodes[~i]); // all its inputs have been computed
    else if (!entered.has(i)) {
      entered.add(i);
      stack.push(~i);
      const waitsFor = nodes[i].inputs.flatMap((name) => maker.get(name) ?? []);
      stack.push(...waitsFor.filter((j) => !entered.has(j)).sort((a, b) => a - b));
    }
  }
  return order;
}

/**
 * The graph in which `value`, the output of an Identity, is computed after all of `after`: zero times their first
 * elements is added to it.
 * @throws {RangeError} `value` is not the output of an Identity, or one of `after` depends on it
 */
export function waitFor(graph: Graph, { value, after }: { value: string; after: readonly string[] }): Graph {
  const late = new Set<string>([value]);
  for (const { inputs, output } of graph.nodes) if (inputs.some((name) => late.has(name))) late.add(output);
  const circular = after.find((name) => late.has(name));
  if (circular !== undefined) {
    throw new RangeError(`Cannot make ${value} wait for ${circular}: expected a value that does not depend on it`);
  }
  if (!graph.nodes.some((n) => n.op === "Identity" && n.output === value)) {
    throw new RangeError(`Cannot make ${value} wait: expected the output of an Identity`);
  }
  const b = new GraphBuilder();
  const { op } = b;
  const values = new Map<string, Value>();
  for (const name of graph.inputs) values.set(name, b.input(name, graph.types.get(name)!));
  for (const [name, constant] of graph.constants) values.set(name, b.constant(constant, name));
  const add = ({ op: name, inputs, output, attrs }: Graph["nodes"][number]) =>
    values.set(output, b.add(name, inputs.map((i) => (i === "" ? null : values.get(i)!)), attrs));
  for (const node of graph.nodes) if (!late.has(node.output)) add(node);
  const first = (name: string) => {
    const v = values.get(name)!;
    return op.Slice(op.Reshape(v, [sizeOf(v.shape)]), [0], [1], [0], [1]);
  };
  const done = after.map(first).reduce((a, v) => op.Add(a, v));
  for (const node of graph.nodes) {
    if (node.output === value) values.set(value, op.Add(values.get(node.inputs[0])!, op.Mul(done, 0)));
    else if (late.has(node.output)) add(node);
  }
  return b.build(graph.name, Object.fromEntries(graph.outputs.map((name) => [name, values.get(name)!])));
}
