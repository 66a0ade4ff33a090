/** Prints a graph as text, the same text for the same graph: for debugging and golden tests. */
import type { Graph, Node, OpName } from "../ir/ir.ts";
import { opDef } from "../ops/mod.ts";
import { sizeOf, type Tensor, type TensorType } from "../../tensor/mod.ts";
import { inputInfos } from "./verify.ts";

/** Longest constant that is printed where it is used. */
const INLINE = 16;

/**
 * One line for each input, constant and node: `%y: float32[1,4,8] = Conv(%x, %w) {strides=[2]}`. Attributes at their
 * default are left out; scalars and short lists of integers stand where they are used, other constants are named with
 * their type only.
 */
export function print(graph: Graph): string {
  const lines = [`graph ${graph.name} -> ${graph.outputs.map((n) => `%${n}`).join(", ")}`];
  for (const name of graph.inputs) lines.push(`input %${name}: ${show(graph.types.get(name)!)}`);
  for (const [name, t] of graph.constants) if (!isInline(t)) lines.push(`const %${name}: ${show(t)}`);
  for (const node of graph.nodes) {
    const operands = node.inputs.map((name) => operand(graph, name)).join(", ");
    lines.push(
      `%${node.output}: ${show(graph.types.get(node.output)!)} = ${node.op}(${operands})${attrs(graph, node)}`,
    );
  }
  return lines.join("\n") + "\n";
}

function show({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape}]`;
}

function isInline(t: Tensor): boolean {
  return t.shape.length === 0 || (t.shape.length === 1 && t.dtype === "int64" && sizeOf(t.shape) <= INLINE);
}

function operand(graph: Graph, name: string): string {
  if (name === "") return "_";
  const t = graph.constants.get(name);
  if (t === undefined || !isInline(t)) return `%${name}`;
  return t.shape.length === 0 ? `${t.data[0]}` : `[${t.data.join(", ")}]`;
}

function attrs(graph: Graph, node: Node): string {
  const shown = Object.entries(node.attrs).filter(([key]) => !isDefault(graph, node, key));
  if (shown.length === 0) return "";
  return ` {${shown.map(([k, v]) => `${k}=${typeof v === "object" ? `[${v}]` : v}`).join(", ")}}`;
}

/** Reports whether the attribute has its default value. */
function isDefault<K extends OpName>(graph: Graph, node: Node<K>, key: string): boolean {
  const valueIn = (attrs: object): unknown => new Map(Object.entries(attrs)).get(key);
  try {
    const completed = opDef(node.op).attrs?.({ ...node.attrs, [key]: undefined }, inputInfos(graph, node));
    return `${valueIn(completed ?? {})}` === `${valueIn(node.attrs)}`;
  } catch {
    return false; // a required attribute
  }
}
