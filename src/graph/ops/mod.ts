/** The total table of operator records, put together from one file a family. */
import type { OpDef, OpName } from "../ir/ir.ts";
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

/** The record of one operator. */
export function opDef<K extends OpName>(name: K): OpDef<K> {
  return OPS[name];
}

/** Reports whether `name` is an operator of the IR. */
export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}
