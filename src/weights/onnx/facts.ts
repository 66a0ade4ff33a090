/** What a graph of others holds, for those who choose how it is imported. Nothing is made of it. */
import { describeModel, type Graph, importModel, type ModelDescription } from "../../graph/mod.ts";
import { type FeatureMap, featureMaps } from "../../nets/mod.ts";
import { wordsOf } from "../../process/mod.ts";
import type { Triple } from "../../volume/mod.ts";

/** The wishes that decide how the graph is read. */
export interface FactsOptions {
  readonly roi?: Triple | undefined;
  readonly channels?: number | undefined;
  readonly layout?: "channels-last" | undefined;
}

export interface GraphFacts extends ModelDescription {
  /** The input [N, C, X, Y, Z] for which the maps below hold; null: it runs for none that was tried. */
  readonly input: readonly number[] | null;
  /** Candidates on which a fine-tune may build, in the graph's order. */
  readonly features: readonly FeatureMap[];
  /** The reason why the graph cannot be used, or null. */
  readonly unsupported: string | null;
}

/** Edges of windows that are tried where the graph leaves its size open, and numbers of channels. */
const EDGES = [96, 64, 128, 32] as const, CHANNELS = [1, 2, 3, 4] as const;

/**
 * Describes a graph.
 * @throws {SyntaxError | TypeError | RangeError} the file is no ONNX model
 */
export function graphFacts(bytes: Uint8Array, options: FactsOptions = {}): GraphFacts {
  const description = describeModel(bytes);
  const { input, graph, unsupported } = imported(bytes, { description, ...options });
  return { ...description, input, features: graph === null ? [] : featureMaps(graph), unsupported };
}

interface Tried {
  readonly input: readonly number[] | null;
  readonly graph: Graph | null;
  readonly unsupported: string | null;
}

/** The graph for the first input that it takes, or the reason why it does not take the first that was tried. */
function imported(
  bytes: Uint8Array,
  { description, ...options }: FactsOptions & { readonly description: ModelDescription },
): Tried {
  const layout = options.layout ?? (description.layout === "channels-last" ? description.layout : undefined);
  let unsupported = faultOfInputs(description);
  if (unsupported !== null) return { input: null, graph: null, unsupported };
  for (const input of inputsOf(description, { ...options, layout })) {
    try {
      return { input, graph: importModel(bytes, { inputShape: input, ...layout && { layout } }), unsupported: null };
    } catch (error) {
      unsupported ??= wordsOf(error, "Cannot import model: it is unreadable");
    }
  }
  return { input: null, graph: null, unsupported };
}

/** Inputs to try, channels first: the sizes that the file fixes, and for the others the wishes or usual ones. */
function inputsOf({ inputs }: ModelDescription, { roi, channels, layout }: FactsOptions): number[][] {
  const dims = inputs.length === 1 ? inputs[0].dims : null;
  if (dims?.length !== 5) return [];
  const [, c, ...size] = layout === "channels-last" ? [dims[0], dims[4], ...dims.slice(1, 4)] : dims;
  const counts = typeof c === "number" ? [c] : channels === undefined ? CHANNELS : [channels];
  const isFixed = size.every((d) => typeof d === "number");
  const rois = isFixed || roi !== undefined ? [roi ?? [0, 0, 0]] : EDGES.map((edge) => [edge, edge, edge]);
  return counts.flatMap((count) =>
    rois.map((window) => [1, count, ...size.map((d, i) => typeof d === "number" ? d : window[i])])
  );
}

/** Element types of images; half precision is widened when the file is read. */
const IMAGE_TYPES: ReadonlySet<string> = new Set(["float32", "float16", "bfloat16"]);

/** The reason why volumes do not fit the inputs of a graph. */
export function faultOfInputs({ inputs }: Pick<ModelDescription, "inputs">): string | null {
  if (inputs.length === 1 && inputs[0].dims?.length === 5) {
    const [{ name, dtype }] = inputs;
    if (IMAGE_TYPES.has(dtype)) return null;
    return `expected an input of float32, float16 or bfloat16, since images are normalised, got ${dtype} for ${name}: ` +
      'export the network in float32 ("model.float()", a float image), without a cast of the image before it';
  }
  const got = inputs.map(({ name, dims }) => `${name} [${dims ?? "?"}]`).join(", ") || "none";
  return `expected a graph with one input [N, C, X, Y, Z], got ${got}`;
}
