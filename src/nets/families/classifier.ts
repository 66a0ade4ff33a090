/** Classification heads (docs/method A.6): the mean of the deepest features, then one linear layer. */
import type { Value } from "../../graph/mod.ts";
import { batchNorm, globalAverage, linear } from "../layers/layers.ts";
import type { Scope, Values } from "../layers/scope.ts";
import { unet3dEncoder, type Unet3dEncoderConfig } from "./unet3d.ts";
import { uniformer, type UniformerConfig } from "./uniformer.ts";

interface Classes {
  readonly classes: number;
}
export interface UniformerClassifierConfig extends UniformerConfig, Classes {
  /**
   * Whether the head sees the means of every stage, brought to one scale by a BatchNorm, and not of the deepest features
   * alone: what is told by contrast and texture is in the shallow ones.
   */
  readonly allStages: boolean;
}
export interface Unet3dClassifierConfig extends Unet3dEncoderConfig, Classes {}

/** `logits` [N, classes] from the deepest features [N, C, X, Y, Z]. */
export function classificationHead(s: Scope, x4: Value, { classes }: Classes): Values {
  return { logits: linear(s.at("head"), globalAverage(s, x4), classes), x4 };
}

/** UniFormer with a head on x4, after its BatchNorm, or on all stages. */
export function uniformerClassifier(s: Scope, image: Value, c: UniformerClassifierConfig): Values {
  const { x1, x2, x3, x4 } = uniformer(s.at("encoder"), image, c);
  if (!c.allStages) return classificationHead(s, x4, c);
  const means = s.op.Concat(...[x1, x2, x3, x4].map((x) => globalAverage(s, x)), { axis: 1 });
  return { logits: linear(s.at("head"), batchNorm(s.at("head_norm"), means), c.classes), x4 };
}

/** UNET3D's contracting half with a head on its deepest features. */
export function unet3dClassifier(s: Scope, image: Value, c: Unet3dClassifierConfig): Values {
  return classificationHead(s, unet3dEncoder(s, image, c).deepest, c);
}
