/**
 * Axes of a network's parameters whose entries have names: the modalities that it reads and the labels or classes that it
 * answers. Found in the graph and in shapes, so that no family lists them.
 */
import { type Graph, GraphBuilder, type Node } from "../graph/mod.ts";
import { sizeOf } from "../tensor/mod.ts";
import type { Net } from "./families/family.ts";
import { listingScope, type Parameter } from "./layers/scope.ts";
import { parametersOf } from "./network.ts";

/** The axis that counts modalities or outputs, by the parameter's key. */
export type NamedAxes = ReadonlyMap<string, number>;

export interface ImageAxes {
  readonly axes: NamedAxes;
  /** The first operator on the image behind which modalities can no longer be told apart from each other; null: none. */
  readonly opaque: string | null;
}

/** The axes of modalities: those of kernels that read the image, and of numbers for each of its channels. */
export function imageAxes(net: Net): ImageAxes {
  const b = new GraphBuilder();
  const parameters: Parameter[] = [];
  const image = b.input("image", { dtype: "float32", shape: net.example });
  const graph = b.build(net.name, net.forward(listingScope(b, parameters), image, { training: true }));
  const keys = new Set(parameters.map(({ key }) => key));
  const channelwise = new Set([image.name]);
  const axes = new Map<string, number>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => channelwise.has(name))) continue;
    const found = channelAxes(node, { graph, keys, isChannelwise: (name) => channelwise.has(name) });
    if (found === null) return { axes, opaque: node.op };
    found.axes.forEach(([key, axis]) => axes.set(key, axis));
    if (found.isChannelwise) channelwise.add(node.output);
  }
  return { axes, opaque: null };
}

interface Walk {
  readonly graph: Graph;
  readonly keys: ReadonlySet<string>;
  /** Reports whether a value still has one channel a modality. */
  readonly isChannelwise: (name: string) => boolean;
}

interface Found {
  readonly axes: readonly (readonly [string, number])[];
  readonly isChannelwise: boolean;
}

/** The parameters of a node that have an axis of modalities; null: the node mixes them in another way. */
function channelAxes(node: Node, { graph, keys, isChannelwise }: Walk): Found | null {
  const [image, ...others] = node.inputs;
  if (!isChannelwise(image) || others.some(isChannelwise)) return null;
  if (node.op === "Conv") {
    return node.attrs.group === 1 && keys.has(others[0]) ? { axes: [[others[0], 1]], isChannelwise: false } : null;
  }
  if (node.op === "BatchNormalization") {
    return others.every((key) => keys.has(key))
      ? { axes: others.map((key) => [key, 0] as const), isChannelwise: true }
      : null;
  }
  const isScale = ["Add", "Sub", "Mul", "Div", "Identity"].includes(node.op) &&
    others.every((name) => graph.constants.has(name) && sizeOf(graph.types.get(name)!.shape) === 1);
  return isScale ? { axes: [], isChannelwise: true } : null;
}

/** The axes of outputs: those that are one longer in `wider`, the same network for one output more. */
export function outputAxes(net: Net, wider: Net): NamedAxes {
  const other = new Map(parametersOf(wider).map(({ key, shape }) => [key, shape]));
  return new Map(
    parametersOf(net).flatMap(({ key, shape }) => {
      const axis = shape.findIndex((d, i) => other.get(key)?.[i] === d + 1);
      return axis < 0 ? [] : [[key, axis] as const];
    }),
  );
}
