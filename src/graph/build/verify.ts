/** Checks the invariants of the IR. Not a check of foreign files, which is the work of `read/`. */
import type { Graph, InputInfo, Node, OpName, PerInput } from "../ir/ir.ts";
import { inputsOf } from "../ir/signatures.ts";
import { isOpName, opDef } from "../ops/mod.ts";
import { allocate, sameShape, sizeOf, type TensorType } from "../../tensor/mod.ts";

/**
 * Passes when every value is defined once and before its use, its stored type is the inferred one, attributes are
 * complete, constants hold what their type says and outputs exist.
 * @throws {TypeError | RangeError} naming the node or constant that does not
 */
export function verify(graph: Graph): void {
  const defined = new Set<string>();
  const define = (name: string, what: string) => {
    if (name === "" || defined.has(name)) throw broken(graph, what, `expected a name of its own, got "${name}"`);
    if (!graph.types.has(name)) throw broken(graph, what, "expected a stored type, got none");
    defined.add(name);
  };
  for (const name of graph.inputs) define(name, `input ${name}`);
  for (const name of graph.constants.keys()) {
    define(name, `constant ${name}`);
    verifyConstant(graph, name);
  }
  for (const node of graph.nodes) {
    const what = `node ${node.output} (${node.op})`;
    const missing = node.inputs.find((name) => name !== "" && !defined.has(name));
    if (missing !== undefined) throw broken(graph, what, `expected inputs defined before it, got ${missing}`);
    verifyNode(graph, node, what);
    define(node.output, what);
  }
  if (new Set(graph.outputs).size !== graph.outputs.length) {
    throw broken(graph, "outputs", `expected distinct names, got ${graph.outputs.join(", ")}`);
  }
  const made = new Set(graph.nodes.map((n) => n.output));
  for (const name of graph.outputs) {
    if (!made.has(name)) throw broken(graph, `output ${name}`, "expected a node's output");
  }
  const stray = [...graph.types.keys()].find((name) => !defined.has(name));
  if (stray !== undefined) throw broken(graph, `type of ${stray}`, "expected types of the graph's values only");
}

function broken(graph: Graph, what: string, why: string, kind = RangeError): Error {
  return new kind(`Cannot verify ${graph.name}: ${what}: ${why}`);
}

const show = ({ dtype, shape }: TensorType) => `${dtype}[${shape}]`;

function verifyConstant(graph: Graph, name: string): void {
  const t = graph.constants.get(name)!, stored = graph.types.get(name)!;
  if (t.dtype !== stored.dtype || !sameShape(t.shape, stored.shape)) {
    throw broken(graph, `constant ${name}`, `expected ${show(stored)}, got ${show(t)}`, TypeError);
  }
  const data = allocate(t.dtype, 0);
  if (t.data.length !== sizeOf(t.shape) || t.data.constructor !== data.constructor) {
    throw broken(
      graph,
      `constant ${name}`,
      `expected ${
        sizeOf(t.shape)
      } elements in ${data.constructor.name}, got ${t.data.length} in ${t.data.constructor.name}`,
      TypeError,
    );
  }
}

function verifyNode<K extends OpName>(graph: Graph, node: Node<K>, what: string): void {
  if (!isOpName(node.op)) throw broken(graph, what, "expected an operator of the IR", TypeError);
  const def = opDef(node.op);
  const infos = inputInfos(graph, node);
  let inferred: TensorType, complete: object;
  try {
    complete = def.attrs?.(node.attrs, infos) ?? {};
    inferred = def.infer(infos, node.attrs);
  } catch (error) {
    throw broken(graph, what, error instanceof Error ? error.message : String(error), TypeError);
  }
  if (JSON.stringify(sorted(complete)) !== JSON.stringify(sorted(node.attrs))) {
    throw broken(graph, what, `expected attributes ${JSON.stringify(complete)}, got ${JSON.stringify(node.attrs)}`);
  }
  const stored = graph.types.get(node.output);
  if (stored !== undefined && show(stored) !== show(inferred)) {
    throw broken(graph, what, `expected ${show(inferred)}, got ${show(stored)}`, TypeError);
  }
}

/** The types and constants of a node's inputs. */
export function inputInfos<K extends OpName>(graph: Graph, { op, inputs }: Node<K>): PerInput<K, InputInfo> {
  return inputsOf(
    op,
    inputs.map((name) => name === "" ? null : { ...graph.types.get(name)!, constant: graph.constants.get(name) }),
  );
}

function sorted(attrs: object): [string, unknown][] {
  return Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1));
}
