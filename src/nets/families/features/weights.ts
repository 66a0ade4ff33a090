/**
 * Decides which constants of an imported graph a fine-tune changes: those that the source trained. Files do not say it, so
 * the use of a constant, its name and its numbers do; every decision has a reason that users read.
 */
import type { Graph } from "../../../graph/mod.ts";
import type { Tensor } from "../../../tensor/mod.ts";
import { isBufferName, isOwnName } from "./names.ts";
import { isMask, isSineGrid, isUniform } from "./numbers.ts";
import { ConstantUses, type Use } from "./uses.ts";

/** What becomes of a constant: `weight` is trained, `statistic` is updated, anything else stays, for this reason. */
export type Fate = "weight" | "statistic" | { readonly kept: string };

const KEPT = {
  buffer: "a buffer by its name",
  image: "it normalises the image",
  map: "as large as a feature map, perhaps of the image with which the file was made",
  mask: "an attention mask",
  nameless: "a constant without a name of its own",
  number: "a number of the graph",
  plain: "ones and zeros of a normalisation without weights",
  sines: "a grid of sines and cosines",
} as const;

const keep = (why: keyof typeof KEPT): Fate => ({ kept: KEPT[why] });

/**
 * The fates of the float constants that the graph uses, in its order.
 * @throws {TypeError} weights of another type than float32
 */
export function fatesOf(graph: Graph): Map<string, Fate> {
  const uses = new ConstantUses(graph);
  const isKernel = (name: string) => uses.of(name).some((use) => uses.role(use) === "kernel");
  const wide = [...graph.constants].find(([name, { dtype }]) => dtype === "float64" && isKernel(name));
  if (wide !== undefined) throw new TypeError(`expected float32 weights, got ${wide[1].dtype} in ${wide[0]}`);
  return new Map(
    [...graph.constants].flatMap(([name, tensor]) => {
      const found = uses.of(name);
      return tensor.dtype !== "float32" || found.length === 0 || tensor.data.length === 0
        ? []
        : [[name, fateOf(name, tensor, { found, uses, graph })] as const];
    }),
  );
}

/**
 * Constants as large as feature maps that no name marks as weights. Where an exporter stored what a network detaches, the
 * graph is right for the image of the export alone.
 */
export function storedMaps(graph: Graph): string[] {
  const uses = new ConstantUses(graph);
  return [...graph.constants].flatMap(([name, tensor]) => {
    const found = uses.of(name);
    if (tensor.dtype !== "float32" || found.length === 0 || tensor.data.length === 0) return [];
    const fate = fateOf(name, tensor, { found, uses, graph });
    return typeof fate === "object" && fate.kept === KEPT.map ? [name] : [];
  });
}

function fateOf(
  name: string,
  tensor: Tensor,
  { found, uses, graph }: { found: readonly Use[]; uses: ConstantUses; graph: Graph },
): Fate {
  const isOwn = isOwnName(name), roles = new Set(found.map((use) => uses.role(use)));
  if (roles.has("statistic")) return "statistic";
  if (roles.has("kernel") || roles.has("slope")) return "weight";
  if (isOwn && isBufferName(name)) return keep("buffer");
  if (isMask(tensor)) return keep("mask");
  if (isSineGrid(tensor)) return keep("sines");
  if (roles.has("scale") || roles.has("shift")) {
    const plain = roles.has("scale") ? 1 : 0;
    return !isOwn && isUniform(tensor) && Number(tensor.data[0]) === plain ? keep("plain") : "weight";
  }
  if (roles.size === 1 && roles.has("image")) return keep("image");
  if (isOwn) return "weight";
  if (tensor.data.length === 1) return keep("number");
  const isTrained = found.some((use) =>
    isPerChannel(use, graph) || (use.shape.length > 1 && uses.entersSoftmax(use)) ||
    // a class token before the others
    (use.node.op === "Concat" && use.shape.length === 3 && !isUniform(tensor))
  );
  if (isTrained) return "weight";
  return keep(found.some(({ shape }) => isVolume(shape)) && !isUniform(tensor) ? "map" : "nameless");
}

/** True for the shape of maps [N, C, x, y, z]: exporters that trace store values that a network detaches. */
const isVolume = (shape: readonly number[]) => shape.length === 5 && shape.slice(2).every((d) => d > 1);

/** True for a factor or summand with one number a channel: the folded scale or bias of a normalisation or of a layer. */
function isPerChannel({ node, shape }: Use, { types }: Graph): boolean {
  if (!["Add", "Div", "Mul", "Sub"].includes(node.op)) return false;
  const rank = types.get(node.output)!.shape.length;
  const long = shape.flatMap((d, k) => (d > 1 ? [k + rank - shape.length] : []));
  return long.length === 1 && (long[0] === rank - 1 || long[0] === 1);
}
