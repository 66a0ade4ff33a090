/**
 * Networks side by side in one graph that answers by the mean of their answers, and the first of them back out of it. They
 * share the input and nothing else. Not a loop over files: whatever reads, lowers and runs a graph runs an ensemble.
 */
import { type Graph, type Node, rewired } from "./ir/ir.ts";
import { sameShape, tensor, type TensorType } from "../tensor/mod.ts";

/** Names that only an ensemble has: of the sum of answers, of the main network's answer, and of all of another network. */
const PREFIX = "ensemble/";
const MAIN = `${PREFIX}main/`;
const OTHER = /^ensemble\/(\d+)\//;

/**
 * The graph whose first output is the mean of the networks' first outputs. All other values of `main` keep their names, so
 * that its further outputs and its constants are found as before; those of the others are named `ensemble/1/…` and so on.
 * @throws {TypeError} a network has another input or another first output
 */
export function ensembleOf(main: Graph, others: readonly Graph[]): Graph {
  const [answer] = main.outputs, input = new Map(main.inputs.map((name) => [name, name]));
  const named = [
    renamed(main, (name) => name === answer ? `${MAIN}${name}` : name),
    ...others.map((other, i) => {
      checkAlike(other, main);
      return renamed(needed(other, [other.outputs[0]]), (name) => input.get(name) ?? `${PREFIX}${i + 1}/${name}`);
    }),
  ];
  const type = main.types.get(answer)!, share = `${PREFIX}share`;
  const sums = named.slice(1).map((_, i) => `${PREFIX}sum/${i + 1}`);
  const adds = sums.map((output, i): Node => {
    const before = i === 0 ? named[0].outputs[0] : sums[i - 1];
    return { op: "Add", inputs: [before, named[i + 1].outputs[0]], output, attrs: {} };
  });
  const mean: Node = { op: "Mul", inputs: [sums.at(-1) ?? named[0].outputs[0], share], output: answer, attrs: {} };
  const part = tensor(type.dtype, [], [1 / named.length]);
  return {
    name: main.name,
    inputs: main.inputs,
    outputs: main.outputs,
    constants: new Map([...named.flatMap(({ constants }) => [...constants]), [share, part]]),
    nodes: [...named.flatMap(({ nodes }) => nodes), ...adds, mean],
    types: new Map<string, TensorType>([
      ...named.flatMap(({ types }) => [...types]),
      ...[...sums, answer].map((name) => [name, type] as const),
      [share, { dtype: part.dtype, shape: part.shape }],
    ]),
  };
}

/** The number of networks that a graph answers by: 1 unless {@link ensembleOf} made it. */
export function membersOf({ constants }: Pick<Graph, "constants">): number {
  return 1 + new Set([...constants.keys()].flatMap((name) => OTHER.exec(name)?.[1] ?? [])).size;
}

/** The main network of an ensemble under its own names; any other graph as it is. */
export function mainOf(graph: Graph): Graph {
  const [answer, ...further] = graph.outputs, own = `${MAIN}${answer}`;
  if (!graph.types.has(own)) return graph;
  return renamed(needed(graph, [own, ...further]), (name) => name === own ? answer : name);
}

/** @throws {TypeError} `other` cannot stand beside `main` */
function checkAlike(other: Graph, main: Graph): void {
  for (const side of ["inputs", "outputs"] as const) {
    const [a, b] = [main, other].map((graph) => ({ name: graph[side][0], ...graph.types.get(graph[side][0])! }));
    if (a.dtype === b.dtype && sameShape(a.shape, b.shape) && (side === "outputs" || a.name === b.name)) continue;
    const words = ({ name, dtype, shape }: typeof a) => `${name} ${dtype}[${shape}]`;
    throw new TypeError(`Cannot average networks: expected ${side} ${words(a)}, got ${words(b)}`);
  }
}

/** The part of a graph that some of its values are computed from; they become its outputs. */
function needed({ name, inputs, constants, nodes, types }: Graph, outputs: readonly string[]): Graph {
  const used = new Set([...inputs, ...outputs]);
  const kept = nodes.toReversed().filter((node) => {
    if (!used.has(node.output)) return false;
    node.inputs.forEach((value) => used.add(value));
    return true;
  });
  const only = <T>(values: ReadonlyMap<string, T>) => new Map([...values].filter(([value]) => used.has(value)));
  return { name, inputs, outputs, constants: only(constants), nodes: kept.reverse(), types: only(types) };
}

function renamed({ name, inputs, outputs, constants, nodes, types }: Graph, naming: (name: string) => string): Graph {
  const to = (value: string) => value === "" ? value : naming(value);
  const keyed = <T>(values: ReadonlyMap<string, T>) => new Map([...values].map(([value, t]) => [to(value), t]));
  return {
    name,
    inputs: inputs.map(to),
    outputs: outputs.map(to),
    constants: keyed(constants),
    nodes: nodes.map((node) => rewired(node, { inputs: node.inputs.map(to), output: to(node.output) })),
    types: keyed(types),
  };
}
