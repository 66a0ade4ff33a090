/** An imported encoder as a part of a network: its feature maps' nodes, and the constants that training changes. */
import { gradientsOrNone, type Graph, GraphBuilder, NoGradientError, type Value } from "../../../graph/mod.ts";
import type { Scope } from "../../layers/scope.ts";
import type { ConstantReport } from "../family.ts";
import { untied } from "./untie.ts";
import { type Fate, fatesOf } from "./weights.ts";

interface Encoder {
  /** The nodes of the feature maps, so without the head that the file had; merged constants are apart. */
  readonly graph: Graph;
  readonly constants: ConstantReport;
}

/**
 * Prepares `graph` as the encoder behind `features`.
 * @throws {TypeError} weights of another type than float32, or an operator behind them that has no gradient
 */
export function encoderOf({ graph, features }: { graph: Graph; features: readonly string[] }): Encoder {
  const used = onlyFeatures(graph, features);
  const changed = [...fatesOf(used)].flatMap(([name, fate]) => (isKept(fate) ? [] : [name]));
  const apart = untied(used, changed);
  const fates = [...fatesOf(apart.graph)];
  const weights = fates.flatMap(([name, fate]) => (fate === "weight" ? [name] : []));
  const trained = new Set(reached(apart.graph, weights));
  const kept = new Map<string, string[]>();
  const keep = (why: string, name: string) => kept.set(why, [...kept.get(why) ?? [], name]);
  for (const [name, fate] of fates) {
    if (isKept(fate)) keep(fate.kept, name);
    else if (fate === "weight" && !trained.has(name)) keep("no gradient reaches it", name);
  }
  return {
    graph: apart.graph,
    constants: {
      trained: [...trained],
      statistics: fates.flatMap(([name, fate]) => (fate === "statistic" ? [name] : [])),
      kept: Object.fromEntries(kept),
      untied: Object.fromEntries(apart.untied),
      tied: apart.tied,
    },
  };
}

/**
 * Those of `weights` on which the outputs depend smoothly: where a rounding or a choice stops every gradient, an optimizer
 * would only shrink them.
 * @throws {TypeError} an operator between weights and outputs has no gradient; names it as the file does
 */
function reached(graph: Graph, weights: readonly string[]): string[] {
  const b = new GraphBuilder(), { op } = b;
  const wanted = new Map<string, Value>(), isWeight = new Set(weights);
  const values = b.inline(graph, (name, type, constant) => {
    if (constant === undefined) return b.input(name, type);
    if (!isWeight.has(name)) return undefined;
    const input = b.input(name, type);
    wanted.set(name, input);
    return input;
  });
  const means = graph.outputs.map((name) => op.ReduceMean(values.get(name)!, null, { keepdims: 0 }));
  const loss = means.reduce((a, v) => op.Add(a, v));
  try {
    const found = gradientsOrNone(b, loss, [...wanted.values()]);
    return [...wanted.keys()].filter((_, i) => found[i] !== null);
  } catch (error) {
    if (!(error instanceof NoGradientError)) throw error;
    const node = [...values].find(([, v]) => v.name === error.value.name)?.[0] ?? error.value.name;
    throw new TypeError(`${error.op} (node ${node}) has no gradient: ${error.why}`, { cause: error });
  }
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
