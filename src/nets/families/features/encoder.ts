/** An imported encoder as a part of a network: its feature maps' nodes, and the constants that training changes. */
import type { Graph, Value } from "../../../graph/mod.ts";
import type { Scope } from "../../layers/scope.ts";
import type { ConstantReport } from "../family.ts";
import { untied } from "./untie.ts";
import { type Fate, fatesOf } from "./weights.ts";

interface Encoder {
  /** The nodes of the feature maps, so without the head that the file had; merged constants are apart. */
  readonly graph: Graph;
  readonly constants: ConstantReport;
}

/** Prepares `graph` as the encoder behind `features`. @throws {TypeError} weights of another type than float32 */
export function encoderOf({ graph, features }: { graph: Graph; features: readonly string[] }): Encoder {
  const used = onlyFeatures(graph, features);
  const fates = fatesOf(used);
  const changed = [...fates].flatMap(([name, fate]) => (isKept(fate) ? [] : [name]));
  const apart = untied(used, changed);
  const final = fatesOf(apart.graph);
  const named = (fate: Fate) => [...final].flatMap(([name, f]) => (f === fate ? [name] : []));
  const kept = new Map<string, string[]>();
  for (const [name, fate] of final) {
    if (isKept(fate)) kept.set(fate.kept, [...kept.get(fate.kept) ?? [], name]);
  }
  return {
    graph: apart.graph,
    constants: {
      trained: named("weight"),
      statistics: named("statistic"),
      kept: Object.fromEntries(kept),
      untied: Object.fromEntries(apart.untied),
      tied: apart.tied,
    },
  };
}

const isKept = (fate: Fate): fate is Exclude<Fate, string> => typeof fate === "object";

function onlyFeatures(graph: Graph, features: readonly string[]): Graph {
  const needed = new Set(features);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!needed.has(node.output)) return false;
    node.inputs.forEach((name) => needed.add(name));
    return true;
  });
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), constants, outputs: features };
}

/** Replays the encoder on `image`. Trained constants and statistics become weights under their own names. */
export function inlineEncoder(s: Scope, image: Value, { graph, constants }: Encoder): Map<string, Value> {
  const statistics = new Set(constants.statistics), weights = new Set([...constants.trained, ...statistics]);
  return s.builder.inline(graph, (name, _, tensor) => {
    if (name === graph.inputs[0]) return image;
    if (tensor === undefined || !weights.has(name)) return undefined;
    return s.weight(name, tensor.shape, { kind: "given", tensor, buffer: statistics.has(name) });
  });
}
