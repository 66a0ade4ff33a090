/** Classification heads (METHODS.md A.6): the mean of the deepest features, then one linear layer. */
import type { Value } from "../graph/mod.ts";
import { globalAverage, linear } from "./layers.ts";
import type { Scope, Values } from "./scope.ts";
import { unet3dEncoder, type Unet3dEncoderConfig } from "./unet3d.ts";
import { uniformer, type UniformerConfig } from "./uniformer.ts";

interface Classes {
  readonly classes: number;
}
export interface UniformerClassifierConfig extends UniformerConfig, Classes {}
export interface Unet3dClassifierConfig extends Unet3dEncoderConfig, Classes {}

/** `logits` [N, classes] from the deepest features [N, C, X, Y, Z]. */
export function classificationHead(s: Scope, x4: Value, { classes }: Classes): Values {
  return { logits: linear(s.at("head"), globalAverage(s, x4), classes), x4 };
}

/** UniFormer with a head on x4, after its BatchNorm. */
export function uniformerClassifier(s: Scope, image: Value, c: UniformerClassifierConfig): Values {
  return classificationHead(s, uniformer(s.at("encoder"), image, c).x4, c);
}

/** UNET3D's contracting half with a head on its deepest features. */
export function unet3dClassifier(s: Scope, image: Value, c: Unet3dClassifierConfig): Values {
  return classificationHead(s, unet3dEncoder(s, image, c).deepest, c);
}
