/** From a network's kind and configuration to its graph, its parameters and fresh weights. Not a model: no data, no package. */
import { type Graph, GraphBuilder } from "../graph/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { kindOf, type NetworkSpec } from "./families/families.ts";
import type { Net } from "./families/family.ts";
import { buildingScope, initialTensor, listingScope, type Parameter, type Weights } from "./layers/scope.ts";

export interface BuildOptions {
  /** Shape of the graph's input `image`, [N, C, X, Y, Z]. */
  readonly input: readonly number[];
  /** By state-dict key; keys that the network does not know are ignored. */
  readonly weights: Weights;
  /** `training` adds the outputs that losses need. */
  readonly outputs: "inference" | "training";
}

/**
 * The network as a graph in inference form: input `image`, weights as constants named by their state-dict keys.
 *
 * | kind | outputs | added in training |
 * | --- | --- | --- |
 * | uniformer | `x1` … `x4` | |
 * | uniunet, unet3d | `out` | `x4`, with deep supervision `out4`, `out3` |
 * | nnunet | `out` | `x4`, with deep supervision `deep1`, `deep2` |
 * | …-classifier | `logits` | `x4` |
 * | …-pretraining | `out` | `x1` … `x4` |
 *
 * Logits are without activation; features are [N, C, X, Y, Z].
 * @throws {TypeError} unknown kind or configuration
 * @throws {RangeError} the input's shape or a weight's shape does not fit, or a weight is missing
 */
export function buildNetwork(spec: NetworkSpec | Net, { input, weights, outputs }: BuildOptions): Graph {
  const net = netOf(spec);
  const expected = net.inputFault(input);
  if (expected !== null) throw new RangeError(`Cannot build ${net.name}: expected input ${expected}, got [${input}]`);
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: input });
  const training = outputs === "training";
  const all = net.forward(buildingScope(b, { weights, net: net.name }), image, { training });
  return b.build(net.name, training ? all : Object.fromEntries(net.inference.map((name) => [name, all[name]])));
}

/** Every entry of the network's state dictionary except the BatchNormalization counters, in the order of the layers. */
export function parametersOf(spec: NetworkSpec | Net): Parameter[] {
  const net = netOf(spec);
  const b = new GraphBuilder();
  const found: Parameter[] = [];
  const image = b.input("image", { dtype: "float32", shape: net.example });
  net.forward(listingScope(b, found), image, { training: true });
  return found;
}

/** Fresh weights and statistics of a network by state-dict key, without its idle parameters. */
export function initialWeights(spec: NetworkSpec | Net, { seed }: { readonly seed: number }): Map<string, Tensor> {
  return new Map(parametersOf(spec).filter((p) => !p.idle).map((p) => [p.key, initialTensor(p, seed)]));
}

/** A network by its kind with its configuration checked. @throws {TypeError} unknown kind or configuration */
export function netOf(spec: NetworkSpec | Net): Net {
  return "forward" in spec ? spec : kindOf(spec.kind).net(spec.config);
}
