/** From a network's name and configuration to its graph, its parameters and their number. Not a model: no data, no weights. */
import { type Graph, GraphBuilder, type Value } from "../graph/mod.ts";
import { sizeOf } from "../tensor/mod.ts";
import {
  unet3dClassifier,
  type Unet3dClassifierConfig,
  uniformerClassifier,
  type UniformerClassifierConfig,
} from "./families/classifier.ts";
import { configOf } from "./layers/config.ts";
import { buildingScope, listingScope, type Parameter, type Scope, type Values, type Weights } from "./layers/scope.ts";
import {
  UNET3D,
  unet3d,
  type Unet3dConfig,
  type Unet3dEncoderConfig,
  unet3dFault,
  unet3dPretraining,
} from "./families/unet3d.ts";
import {
  uniformerPretraining,
  type UniformerPretrainingConfig,
  UNIUNET,
  uniUnet,
  type UniUnetConfig,
} from "./families/uni_unet.ts";
import { uniformer, UNIFORMER_SMALL, type UniformerConfig, uniformerFault } from "./families/uniformer.ts";

/** A network by name, as a model package names it. `onnx` stands for an imported graph and cannot be built from here. */
export interface NetworkSpec {
  readonly kind:
    | "uniformer"
    | "uniunet"
    | "uniformer-classifier"
    | "uniformer-pretraining"
    | "unet3d"
    | "unet3d-classifier"
    | "unet3d-pretraining"
    | "onnx";
  /** Fields of the kind's config; what is absent has the official network's value. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A network with its configuration closed in. */
export interface Net {
  readonly name: string;
  /** An input shape [N, C, X, Y, Z] that it accepts. */
  readonly example: readonly number[];
  /** What it expects instead of this input shape, or null. */
  inputFault(shape: readonly number[]): string | null;
  /** The outputs that inference needs. */
  readonly inference: readonly string[];
  /** Everything, or in inference at least `inference`. */
  forward(s: Scope, image: Value, options: { readonly training: boolean }): Values;
}

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

/** Number of trainable numbers: no buffers, no parameters that the forward pass leaves out. */
export function parameterCount(spec: NetworkSpec | Net): number {
  return parametersOf(spec).reduce((n, p) => n + (p.buffer || p.idle ? 0 : sizeOf(p.shape)), 0);
}

/** A kind of network: its defaults and function, still open in the configuration. */
interface Kind<C> {
  readonly defaults: (given: NetworkSpec["config"]) => C;
  /** What is wrong with a configuration, or null. */
  readonly fault: (config: C) => string | null;
  /** Spatial sizes must be multiples of this. */
  readonly multiple: number;
  readonly inference: readonly string[];
  readonly forward: (s: Scope, image: Value, config: C, options: { readonly training: boolean }) => Values;
}

/** Checks a configuration and closes a kind over it. */
function define<C extends { readonly inChannels: number }>(
  { defaults, fault, multiple, inference, forward }: Kind<C>,
): (spec: NetworkSpec) => Net {
  return ({ kind, config: given }) => {
    const config = configOf(kind, { given, defaults: defaults(given) });
    const found = fault(config);
    if (found !== null) throw new TypeError(`Cannot configure ${kind}: ${found}`);
    const fits = ([n, c, ...size]: readonly number[]) =>
      n >= 1 && c === config.inChannels && size.length === 3 && size.every((d) => d >= multiple && d % multiple === 0);
    return {
      name: kind,
      example: [1, config.inChannels, multiple, multiple, multiple],
      inputFault: (shape) =>
        fits(shape) ? null : `[N, ${config.inChannels}, X, Y, Z] with sizes that are multiples of ${multiple}`,
      inference,
      forward: (s, image, options) => forward(s, image, config, options),
    };
  };
}

/** The stem is as wide as stage 1 unless the configuration says otherwise. */
const withStem = <C extends UniformerConfig>(defaults: C) => ({ widths }: NetworkSpec["config"]) => ({
  ...defaults,
  stemWidth: Array.isArray(widths) ? Number(widths[0]) : defaults.widths[0],
});

const UNIFORMER = { fault: uniformerFault, multiple: 16 };
const UNET = { fault: unet3dFault, multiple: 8 };

const KINDS: Readonly<Record<Exclude<NetworkSpec["kind"], "onnx">, (spec: NetworkSpec) => Net>> = {
  uniformer: define<UniformerConfig>({
    ...UNIFORMER,
    defaults: () => UNIFORMER_SMALL,
    inference: ["x1", "x2", "x3", "x4"],
    forward: (s, image, config) => uniformer(s.at("encoder"), image, config),
  }),
  uniunet: define<UniUnetConfig>({
    ...UNIFORMER,
    defaults: withStem(UNIUNET),
    inference: ["out"],
    forward: (s, image, config, { training }) => uniUnet(s, image, config, { deep: training }),
  }),
  "uniformer-classifier": define<UniformerClassifierConfig>({
    ...UNIFORMER,
    defaults: () => ({ ...UNIFORMER_SMALL, classes: 2, allStages: false }),
    inference: ["logits"],
    forward: uniformerClassifier,
  }),
  "uniformer-pretraining": define<UniformerPretrainingConfig>({
    ...UNIFORMER,
    defaults: withStem(UNIFORMER_SMALL),
    inference: ["out"],
    forward: uniformerPretraining,
  }),
  unet3d: define<Unet3dConfig>({
    ...UNET,
    defaults: () => UNET3D,
    inference: ["out"],
    forward: (s, image, config, { training }) => unet3d(s, image, config, { deep: training }),
  }),
  "unet3d-classifier": define<Unet3dClassifierConfig>({
    ...UNET,
    defaults: () => ({ inChannels: 1, width: UNET3D.width, classes: 2 }),
    inference: ["logits"],
    forward: unet3dClassifier,
  }),
  "unet3d-pretraining": define<Unet3dEncoderConfig>({
    ...UNET,
    defaults: () => ({ inChannels: 1, width: UNET3D.width }),
    inference: ["out"],
    forward: unet3dPretraining,
  }),
};

/** A named network with its configuration checked. @throws {TypeError} unknown kind or configuration */
export function netOf(spec: NetworkSpec | Net): Net {
  if ("forward" in spec) return spec;
  if (spec.kind === "onnx" || !Object.hasOwn(KINDS, spec.kind)) {
    throw new TypeError(`Cannot build a network: expected one of ${Object.keys(KINDS).join(", ")}, got ${spec.kind}`);
  }
  return KINDS[spec.kind](spec);
}
