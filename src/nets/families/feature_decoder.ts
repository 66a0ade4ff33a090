/**
 * Heads on an encoder from an ONNX file: a decoder in the style of UNETR over its feature maps, or a classifier on the
 * deepest one. The encoder's nodes stay unchanged; its float arrays count as weights.
 */
import { type Graph, type Value } from "../../graph/mod.ts";
import { isFloat, sameShape, sizeOf, type Tensor } from "../../tensor/mod.ts";
import { classificationHead, conv, stem, unetUpBlock } from "../layers/layers.ts";
import type { Scope } from "../layers/scope.ts";
import type { Net } from "./family.ts";

/** An imported encoder: a normalised graph with one input [N, C, X, Y, Z] and the names of feature maps in it. */
export interface ImportedEncoder {
  readonly graph: Graph;
  /** Names of values [N, C, x, y, z], in any order; each size a whole multiple of the next smaller one. */
  readonly features: readonly string[];
}

export interface FeatureDecoderConfig {
  readonly outChannels: number;
  /** Channels at full resolution. */
  readonly stemWidth: number;
  /** The decoder has as many channels as the feature map, at most this number. */
  readonly maxWidth: number;
}

/** The output names of the feature maps of a network on an imported encoder, in the encoder's order. */
export function featureOutputs(features: readonly string[]): string[] {
  return features.map((_, i) => `feature${i + 1}`);
}

/**
 * A segmentation network on an imported encoder: up-blocks from the deepest map to the image's size, then a 1³ head.
 * Outputs `out` [N, outChannels, X, Y, Z] and the feature maps, so that a further network can be made on it; in training
 * also `x4`, the deepest map.
 * @throws {RangeError} the feature maps do not form such a pyramid
 */
export function featureDecoder(encoder: ImportedEncoder, config: FeatureDecoderConfig): Net {
  const { image, maps } = pyramid(encoder);
  const graph = onlyFeatures(encoder);
  return {
    name: "featureDecoder",
    example: image,
    inputFault: onlyShape(image),
    inference: ["out", ...featureOutputs(encoder.features)],
    heads: ["out"],
    forward: (s, x) => {
      const values = inlineEncoder(s, x, graph);
      const [deepest, ...skips] = maps.map((name) => values.get(name)!);
      let y = deepest;
      for (const [i, skip] of skips.entries()) {
        const out = Math.min(skip.shape[1], config.maxWidth);
        y = unetUpBlock(s.at(`decoder.decoder${maps.length + 1 - i}`), y, { skip, out });
      }
      const full = stem(s.at("decoder.proj1"), x, config);
      y = unetUpBlock(s.at("decoder.decoder2"), y, { skip: full, out: config.stemWidth });
      const out = conv(s.at("decoder.out.conv.conv"), y, { out: config.outChannels, kernel: 1 });
      return { out, ...featureValues(encoder, values), x4: deepest };
    },
  };
}

/** A classifier on the deepest feature map of an imported encoder; outputs `logits`, the feature maps, in training `x4`. */
export function featureClassifier(encoder: ImportedEncoder, config: { readonly classes: number }): Net {
  const { image, maps } = pyramid(encoder, "featureClassifier");
  const graph = onlyFeatures(encoder);
  return {
    name: "featureClassifier",
    example: image,
    inputFault: onlyShape(image),
    inference: ["logits", ...featureOutputs(encoder.features)],
    heads: ["logits"],
    forward: (s, x) => {
      const values = inlineEncoder(s, x, graph);
      const { logits, x4 } = classificationHead(s, values.get(maps[0])!, config);
      return { logits, ...featureValues(encoder, values), x4 };
    },
  };
}

const onlyShape = (expected: readonly number[]) => (shape: readonly number[]) =>
  sameShape(shape, expected) ? null : `the encoder's [${expected}]`;

/**
 * The image's shape and the names of the feature maps from deep to shallow.
 * @throws {RangeError} the feature maps do not form a pyramid
 */
export function pyramid(
  { graph, features }: ImportedEncoder,
  net = "featureDecoder",
): { image: readonly number[]; maps: string[] } {
  const fail = (expected: string, got: string): never => {
    throw new RangeError(`Cannot build ${net}: expected ${expected}, got ${got}`);
  };
  const shapeOf = (name: string) => graph.types.get(name)?.shape ?? fail(`a value ${name} in ${graph.name}`, "none");
  if (graph.inputs.length !== 1) fail("an encoder with one input", `${graph.inputs.length}`);
  if (features.length === 0) fail("the name of at least one feature map", "none");
  const maps = features.toSorted((a, b) => sizeOf(shapeOf(a).slice(2)) - sizeOf(shapeOf(b).slice(2)));
  const image = shapeOf(graph.inputs[0]);
  for (const [i, name] of [...maps, graph.inputs[0]].entries()) {
    const shape = shapeOf(name);
    if (shape.length !== 5) fail(`${name} of shape [N, C, X, Y, Z]`, `[${shape}]`);
    if (i === 0) continue;
    const below = shapeOf(maps[i - 1]);
    if (shape.slice(2).some((d, k) => d % below[k + 2] !== 0)) {
      fail(`${name} to be a whole multiple in size of ${maps[i - 1]} [${below}]`, `[${shape}]`);
    }
  }
  return { image, maps };
}

function featureValues({ features }: ImportedEncoder, values: ReadonlyMap<string, Value>): Record<string, Value> {
  const names = featureOutputs(features);
  return Object.fromEntries(features.map((feature, i) => [names[i], values.get(feature)!]));
}

/** The encoder with the nodes of its feature maps only, so without the head of a network that was made here before. */
function onlyFeatures({ graph, features }: ImportedEncoder): Graph {
  const needed = new Set(features);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!needed.has(node.output)) return false;
    node.inputs.forEach((name) => needed.add(name));
    return true;
  });
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), constants, outputs: features };
}

/** Single numbers of a graph belong to its architecture; float arrays are weights. */
export const isEncoderWeight = ({ dtype, data }: Tensor): boolean => isFloat(dtype) && data.length > 1;

/** Replays the encoder on `image`. Float constants with several elements become weights under their own names. */
function inlineEncoder(s: Scope, image: Value, graph: Graph): Map<string, Value> {
  const statistics = new Set(
    graph.nodes.flatMap(({ op, inputs }) => op === "BatchNormalization" ? inputs.slice(3, 5) : []),
  );
  const bind = (name: string, _: unknown, tensor: Tensor | undefined) => {
    if (name === graph.inputs[0]) return image;
    if (tensor === undefined || !isEncoderWeight(tensor)) return undefined;
    if (tensor.dtype !== "float32") throw new TypeError(`expected float32 weights, got ${tensor.dtype} in ${name}`);
    return s.weight(name, tensor.shape, { kind: "given", tensor, buffer: statistics.has(name) });
  };
  return s.builder.inline(graph, bind);
}
