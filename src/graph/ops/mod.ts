/** The total table of operator records, put together from one file a family. */
import type { Attrs, InputInfo, NO_GRADIENT, OpDef, OpName, Ops, Unsupported, Value } from "../ir/ir.ts";
import type { NdArray, Tensor, TensorType } from "../../tensor/mod.ts";
import { CONV_OPS } from "./conv.ts";
import { ELEMENTWISE_OPS } from "./elementwise.ts";
import { MATMUL_OPS } from "./matmul.ts";
import { NORM_OPS } from "./norm.ts";
import { POOL_OPS } from "./pool.ts";
import { REDUCE_OPS } from "./reduce.ts";
import { RESIZE_OPS } from "./resize.ts";
import { SHAPE_OPS } from "./shape.ts";

export const OPS: { readonly [K in OpName]: OpDef<K> } = {
  ...CONV_OPS,
  ...ELEMENTWISE_OPS,
  ...MATMUL_OPS,
  ...NORM_OPS,
  ...POOL_OPS,
  ...REDUCE_OPS,
  ...RESIZE_OPS,
  ...SHAPE_OPS,
};

/** A record whose operator is not known statically. */
export interface AnyOpDef {
  readonly attrs?: (given: Attrs, inputs: readonly (InputInfo | null)[]) => Attrs;
  readonly infer: (inputs: readonly InputInfo[], attrs: Attrs) => TensorType;
  readonly vjp:
    | ((
      op: Ops,
      context: { x: readonly Value[]; y: Value; attrs: Attrs; constant(i: number): Tensor | undefined },
      dy: Value,
    ) => readonly (Value | null)[])
    | typeof NO_GRADIENT
    | Unsupported;
  readonly evaluate: (inputs: readonly NdArray[], attrs: Attrs, y: TensorType) => NdArray;
}

/** The record of an operator chosen at run time. */
export function opDef(name: OpName): AnyOpDef {
  return OPS[name] as unknown as AnyOpDef;
}

/** Whether `name` is an operator of the IR. */
export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}
