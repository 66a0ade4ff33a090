/**
 * Heads on an encoder from an ONNX file: a decoder in the style of UNETR over its feature maps, or a classifier on the
 * deepest one. The encoder's nodes stay unchanged; what its source trained counts as weights.
 */
import { type Graph, GraphBuilder, type Value } from "../../graph/mod.ts";
import { sameShape, sizeOf } from "../../tensor/mod.ts";
import { conv, globalAverage, layerNorm, linear, unetResBlock, unetUpBlock, upConv } from "../layers/layers.ts";
import { buildingScope, type Scope, type Values } from "../layers/scope.ts";
import { type FeatureForm, FeatureForms, stridesTo } from "./features/forms.ts";
import { encoderOf, inlineEncoder } from "./features/encoder.ts";
import { featureMaps } from "./features/feature_maps.ts";
import type { Net } from "./family.ts";

/** An imported encoder: a normalised graph with one input [N, C, X, Y, Z] and the names of feature maps in it. */
export interface ImportedEncoder {
  readonly graph: Graph;
  /** Names of its feature maps, in any order and layout; each size a whole multiple of the next smaller one, or rounded. */
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
  return netOn(encoder, {
    name: "featureDecoder",
    image,
    output: "out",
    head: (s, x, values) => {
      const [deepest, ...skips] = maps.map((map) => asVolume(s, values.get(map.name)!, map));
      let y = deepest;
      for (const [i, skip] of skips.entries()) {
        const out = Math.min(skip.shape[1], config.maxWidth);
        y = upTo(s.at(`decoder.decoder${maps.length + 1 - i}`), y, { skip, out, maxWidth: config.maxWidth });
      }
      const full = stem(s.at("decoder.proj1"), x, config.stemWidth);
      y = upTo(s.at("decoder.decoder2"), y, { skip: full, out: config.stemWidth, maxWidth: config.maxWidth });
      const out = conv(s.at("decoder.out.conv.conv"), y, { out: config.outChannels, kernel: 1 });
      return { out, ...featureValues(encoder, values), x4: deepest };
    },
  });
}

/**
 * A classifier on the deepest feature map of an imported encoder: its means, brought to one scale by a LayerNorm, and one
 * linear layer; outputs `logits`, the feature maps, in training `x4`.
 */
export function featureClassifier(encoder: ImportedEncoder, config: { readonly classes: number }): Net {
  const { image, maps } = pyramid(encoder, "featureClassifier");
  const { graph } = encoder, isMadeHere = ["logits", "feature1"].every((name) => graph.outputs.includes(name));
  // the means of others' features may be in the thousands; classifiers that were made here without a norm stay so
  const isNormed = !isMadeHere || graph.constants.has("head_norm.weight");
  return netOn(encoder, {
    name: "featureClassifier",
    image,
    output: "logits",
    head: (s, _, values) => {
      const x4 = asVolume(s, values.get(maps[0].name)!, maps[0]), means = globalAverage(s, x4);
      const logits = linear(s.at("head"), isNormed ? layerNorm(s.at("head_norm"), means, 1e-5) : means, config.classes);
      return { logits, ...featureValues(encoder, values), x4 };
    },
  });
}

interface Head {
  readonly name: string;
  /** The image's shape. */
  readonly image: readonly number[];
  /** The output that labels are compared with. */
  readonly output: string;
  /** The outputs from the image and the encoder's values by name. */
  readonly head: (s: Scope, image: Value, values: ReadonlyMap<string, Value>) => Values;
}

function netOn(encoder: ImportedEncoder, { name, image, output, head }: Head): Net {
  const { graph, constants } = encoderOf(encoder);
  const inference = [output, ...featureOutputs(encoder.features)];
  return {
    name,
    example: image,
    constants,
    inputFault: onlyShape(image),
    inference,
    heads: [output],
    forward: (s, x) => head(s, x, inlineEncoder(s, x, { graph, constants })),
    head: (weights) => {
      const b = new GraphBuilder();
      const inputs = new Map([...new Set([graph.inputs[0], ...encoder.features])].map((value) => [
        value,
        b.input(value, graph.types.get(value)!),
      ]));
      const all = head(buildingScope(b, { weights, net: name }), inputs.get(graph.inputs[0])!, inputs);
      return b.build(name, Object.fromEntries(inference.map((key) => [key, all[key]])));
    },
  };
}

/** A map of whichever layout as [N, C, x, y, z]. */
function asVolume({ op }: Scope, value: Value, { layout, grid, channels, extraTokens }: FeatureForm): Value {
  if (layout === "map") return value;
  if (layout === "channels-last") return op.Transpose(value, { perm: [0, 4, 1, 2, 3] });
  const rows = extraTokens === 0 ? value : op.Slice(value, [extraTokens], [value.shape[1]], [1], [1]);
  return op.Reshape(op.Transpose(rows, { perm: [0, 2, 1] }), [value.shape[0], channels, ...grid]);
}

/** `x` brought to the size of `skip` by factors of 2 (an odd rest at once), and joined with it. */
function upTo(
  s: Scope,
  x: Value,
  { skip, out, maxWidth }: { skip: Value; out: number; maxWidth: number },
): Value {
  const factors = factorsBetween(x.shape.slice(2), skip.shape.slice(2))!;
  let y = x;
  for (const [i, step] of factors.slice(0, -1).entries()) {
    const between = s.at(`between${i + 1}`), width = Math.min(maxWidth, Math.max(out, y.shape[1] >> 1));
    y = unetResBlock(
      between.at("conv_block"),
      upConv(between.at("transp_conv.conv"), y, { out: width, factors: step }),
      width,
    );
  }
  return unetUpBlock(s, y, { skip, out, factors: factors.at(-1)! });
}

/** The factors of the steps from a size to a larger one, at most 3 unless odd; null where no strides lead between them. */
function factorsBetween(from: readonly number[], to: readonly number[]): number[][] | null {
  let rest: readonly number[] | null = stridesTo(from, to);
  if (rest === null) return null;
  const steps: number[][] = [];
  for (;;) {
    const most = Math.max(...rest.filter((f) => f > 3 && f % 2 === 0));
    if (most < 0) return [...steps, [...rest]];
    const step: number[] = rest.map((f) => (f % 2 === 0 && 2 * f > most ? 2 : 1));
    steps.push(step);
    rest = rest.map((f, k) => f / step[k]);
  }
}

/** UniUnet's `proj1`: a 3³ convolution of the image at full resolution, then LayerNorm over channels. */
function stem(s: Scope, image: Value, width: number): Value {
  const y = conv(s.at("proj"), image, { out: width, kernel: 3 });
  const last = s.op.Transpose(y, { perm: [0, 2, 3, 4, 1] });
  return s.op.Transpose(layerNorm(s.at("norm"), last, 1e-5), { perm: [0, 4, 1, 2, 3] });
}

const onlyShape = (expected: readonly number[]) => (shape: readonly number[]) =>
  sameShape(shape, expected) ? null : `the encoder's [${expected}]`;

/** A feature map by its name in the encoder's graph. */
export interface NamedMap extends FeatureForm {
  readonly name: string;
}

/**
 * The image's shape and the feature maps from deep to shallow.
 * @throws {RangeError} the values form no pyramid of feature maps; lists those that the graph has
 */
export function pyramid(
  { graph, features }: ImportedEncoder,
  net = "featureDecoder",
): { image: readonly number[]; maps: NamedMap[] } {
  const fail = (expected: string, got: string): never => {
    throw new RangeError(`Cannot build ${net}: expected ${expected}, got ${got}`);
  };
  const shapeOf = (name: string) => graph.types.get(name)!.shape;
  const { inputs: [input] } = graph;
  if (graph.inputs.length !== 1 || shapeOf(input).length !== 5) {
    fail("an encoder with one input [N, C, X, Y, Z]", graph.inputs.map((name) => `[${shapeOf(name)}]`).join(", "));
  }
  if (features.length === 0) fail("the name of at least one feature map", "none");
  const forms = new FeatureForms(graph), image = shapeOf(input);
  const maps = features.map((name): NamedMap => {
    if (!graph.types.has(name)) {
      const known = featureMaps(graph).map((map) => map.name).join(", ");
      return fail(`a value ${name} in ${graph.name}`, `none; its feature maps are ${known || "none"}`);
    }
    const form = forms.formOf(name);
    if (form !== null) return { ...form, name };
    const size = image.slice(2);
    return fail(
      `${name} to be a feature map [N, C, x, y, z], [N, x, y, z, C] or [N, T, C] of the image [${size}]`,
      `[${shapeOf(name)}]`,
    );
  }).sort((a, b) => sizeOf(a.grid) - sizeOf(b.grid));
  for (const [i, { name, grid }] of [...maps, { name: input, grid: forms.image }].entries()) {
    const below = maps[i - 1];
    if (below !== undefined && factorsBetween(below.grid, grid) === null) {
      fail(`${name} to be a whole multiple in size of ${below.name} [${below.grid}]`, `[${grid}]`);
    }
  }
  return { image, maps };
}

function featureValues({ features }: ImportedEncoder, values: ReadonlyMap<string, Value>): Record<string, Value> {
  const names = featureOutputs(features);
  return Object.fromEntries(features.map((feature, i) => [names[i], values.get(feature)!]));
}
