/** Which network a state dictionary belongs to, from its keys and shapes. */
import type { NetworkSpec } from "../network.ts";
import { UNIFORMER_SMALL } from "../families/uniformer.ts";
import { quoted } from "../../tensor/mod.ts";

/** Shapes by key; keys without the wrappers that PyTorch puts around networks. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** The key of learnt templates, [modalities, X, Y, Z]. */
export const TEMPLATE_KEY = "rep_template";

/**
 * A key of an official file as the networks here name it: without the prefixes of DistributedDataParallel and
 * torch.compile, and without `uniformer.` in the encoder (docs/method A.1.3, A.1.4).
 */
export function plainKey(key: string): string {
  return key.replace(/^((module|_orig_mod)\.)+/, "").replace(/^encoder\.uniformer\./, "encoder.");
}

export interface IdentifyOptions {
  /** Channels of one attention head, which shapes do not tell. */
  readonly headDim?: number;
  /** A UNET3D without template may be that of pre-training or a segmentation network: which one it is. */
  readonly segmentation?: boolean;
}

export interface Identified {
  readonly spec: NetworkSpec;
  /** What was taken for granted, in words for users. */
  readonly assumed: readonly string[];
}

/**
 * The network with these keys.
 * @throws {TypeError} the keys are those of no network here, or some are missing that tell its sizes
 */
export function identifyNetwork(shapes: Shapes, options: IdentifyOptions = {}): Identified {
  if (shapes.has("encoder.patch_embed1.proj.weight")) return uniformerOf(shapes, options);
  if (shapes.has("conv1a.weight")) return { spec: unet3dOf(shapes, options), assumed: [] };
  const keys = [...shapes.keys()].slice(0, 3).map(quoted).join(", ");
  throw new TypeError(
    `Cannot tell the network: expected keys of a UniFormer (encoder.patch_embed1.…) or UNET3D (conv1a.…), ` +
      `got ${keys || "none"}`,
  );
}

/** The size of a tensor along an axis. */
function size(shapes: Shapes, key: string, axis: number): number {
  const found = shapes.get(key)?.[axis];
  if (found === undefined) throw new TypeError(`Cannot tell the network's sizes: expected a tensor ${key}, got none`);
  return found;
}

function uniformerOf(shapes: Shapes, options: IdentifyOptions): Identified {
  const stages = [1, 2, 3, 4];
  const widths = stages.map((i) => size(shapes, `encoder.patch_embed${i}.proj.weight`, 0));
  const depths = stages.map((i) => {
    const found = [...shapes.keys()].flatMap((key) => {
      const block = new RegExp(`^encoder\\.blocks${i}\\.(\\d{1,4})\\.`).exec(key);
      return block === null ? [] : [Number(block[1])];
    });
    return Math.max(-1, ...found) + 1;
  });
  const { headDim, assumed } = headDimOf(widths, options);
  const encoder = {
    inChannels: size(shapes, "encoder.patch_embed1.proj.weight", 1),
    widths,
    depths,
    headDim,
    mlpRatio: size(shapes, "encoder.blocks1.0.mlp.fc1.weight", 0) / widths[0],
  };
  if (shapes.has("decoder.out_1.conv.conv.weight")) {
    const stemWidth = size(shapes, "decoder.decoder2.transp_conv.conv.weight", 1);
    return { spec: { kind: "uniformer-pretraining", config: { ...encoder, stemWidth } }, assumed };
  }
  if (shapes.has("decoder.out.conv.conv.weight")) {
    const config = {
      ...encoder,
      stemWidth: size(shapes, "decoder.proj1.proj.weight", 0),
      outChannels: size(shapes, "decoder.out.conv.conv.weight", 0),
      multiScale: shapes.has("ms_out.0.weight"),
    };
    return { spec: { kind: "uniunet", config }, assumed };
  }
  if (shapes.has("head.weight")) {
    const config = {
      ...encoder,
      classes: size(shapes, "head.weight", 0),
      allStages: shapes.has("head_norm.weight"),
    };
    return { spec: { kind: "uniformer-classifier", config }, assumed };
  }
  return { spec: { kind: "uniformer", config: encoder }, assumed };
}

/**
 * Shapes do not tell how wide attention heads are. Official networks have one head's width in stage 1 (64), so that is
 * taken where it divides; it is an assumption for any other network.
 */
function headDimOf(widths: readonly number[], { headDim }: IdentifyOptions): { headDim: number; assumed: string[] } {
  if (headDim !== undefined) return { headDim, assumed: [] };
  if (String(widths) === String(UNIFORMER_SMALL.widths)) return { headDim: UNIFORMER_SMALL.headDim, assumed: [] };
  const [guess] = widths;
  if (widths[2] % guess !== 0 || widths[3] % guess !== 0) {
    throw new TypeError(
      "Cannot tell the width of attention heads from shapes: expected it to be given, a divisor of " +
        `${widths[2]} and ${widths[3]}`,
    );
  }
  return {
    headDim: guess,
    assumed: [`attention heads of ${guess} channels, the width of stage 1 as in official networks; shapes do not tell`],
  };
}

function unet3dOf(shapes: Shapes, { segmentation }: IdentifyOptions): NetworkSpec {
  const encoder = { inChannels: size(shapes, "conv1a.weight", 1), width: size(shapes, "conv1a.weight", 0) };
  if (shapes.has("head.weight")) {
    return { kind: "unet3d-classifier", config: { ...encoder, classes: size(shapes, "head.weight", 0) } };
  }
  const outChannels = size(shapes, "up1conv.weight", 0);
  const deepSupervision = shapes.has("ds_out.0.weight");
  const mayPretrain = encoder.inChannels === 1 && outChannels === 1 && !deepSupervision;
  if (shapes.has(TEMPLATE_KEY) || (mayPretrain && !segmentation)) {
    return { kind: "unet3d-pretraining", config: encoder };
  }
  return { kind: "unet3d", config: { ...encoder, outChannels, deepSupervision } };
}
