/** Gives values of a graph other names. */
import { type Graph, rewired } from "../ir/ir.ts";

/** The graph with values renamed by `names`. Other values keep their names, with a suffix where the name is taken. */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const all = [...graph.types.keys()];
  const taken = new Set(all.flatMap((name) => names.get(name) ?? []));
  const final = new Map<string, string>([["", ""]]);
  for (const name of all) {
    let next = names.get(name);
    if (next === undefined) {
      next = name;
      for (let i = 1; taken.has(next); i++) next = `${name}_${i}`;
      taken.add(next);
    }
    final.set(name, next);
  }
  const to = (name: string) => final.get(name)!;
  return {
    name: graph.name,
    inputs: graph.inputs.map(to),
    outputs: graph.outputs.map(to),
    constants: new Map([...graph.constants].map(([name, t]) => [to(name), t])),
    nodes: graph.nodes.map((node) => rewired(node, { inputs: node.inputs.map(to), output: to(node.output) })),
    types: new Map([...graph.types].map(([name, t]) => [to(name), t])),
  };
}
