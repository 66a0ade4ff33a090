/**
 * Weights that several nodes share. Exporters store equal constants once, so that the fresh scales, biases and slopes of
 * layers look like one weight: each use gets a copy of its own. What the source ties has numbers of its own and stays tied.
 */
import type { Graph, Node } from "../../../graph/mod.ts";
import type { Tensor } from "../../../tensor/mod.ts";
import { isUniform } from "./numbers.ts";
import { ConstantUses, type Use } from "./uses.ts";

export interface Untied {
  readonly graph: Graph;
  /** Constants that were one in the file → the number of weights that they are now. */
  readonly untied: ReadonlyMap<string, number>;
  /** Weights that several nodes share. */
  readonly tied: readonly string[];
}

/** Fresh values of single weights, as the slope of a PRelu; another number was learnt, so its uses are tied. */
const FRESH = [0, 0.25, 1];

const isMerged = (t: Tensor) => isUniform(t) && (t.data.length > 1 || FRESH.includes(Number(t.data[0])));

/** Gives every use of a merged constant among `names` a copy: `norm.weight`, `norm.weight#2`, … */
export function untied(graph: Graph, names: Iterable<string>): Untied {
  const uses = new ConstantUses(graph);
  const constants = new Map(graph.constants), types = new Map(graph.types);
  const parted = new Map<string, number>(), tied: string[] = [];
  /** Node → inputs by number that become others. */
  const inputs = new Map<Node, Map<number, string>>();
  /** Node → its copies, which come after it. */
  const copies = new Map<Node, Node[]>();
  for (const name of names) {
    const tensor = graph.constants.get(name)!, found = uses.of(name);
    if (new Set(found.map(({ node }) => node)).size < 2) continue;
    if (!isMerged(tensor)) {
      tied.push(name);
      continue;
    }
    parted.set(name, found.length);
    found.slice(1).forEach(({ node, at, path }: Use, i) => {
      const suffix = `#${i + 2}`;
      let from = `${name}${suffix}`;
      constants.set(from, tensor);
      types.set(from, graph.types.get(name)!);
      for (const move of path) {
        const output = `${move.output}${suffix}`;
        const copy = { ...move, inputs: [from, ...move.inputs.slice(1)], output };
        copies.set(move, [...copies.get(move) ?? [], copy]);
        types.set(output, graph.types.get(move.output)!);
        from = output;
      }
      const own = inputs.get(node) ?? new Map<number, string>();
      inputs.set(node, own.set(at, from));
    });
  }
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const changed = inputs.get(node);
    const self = changed === undefined
      ? node
      : { ...node, inputs: node.inputs.map((name, at) => changed.get(at) ?? name) };
    return [self, ...copies.get(node) ?? []];
  });
  return { graph: { ...graph, constants, types, nodes }, untied: parted, tied };
}
