/** Test cases of every operator, put together from one file a family; total, so that a new operator needs cases. */
import type { OpName } from "../../ir/ir.ts";
import type { Case } from "./case.ts";
import { CONV_CASES } from "./conv.ts";
import { ELEMENTWISE_CASES } from "./elementwise.ts";
import { MATMUL_CASES } from "./matmul.ts";
import { NORM_CASES } from "./norm.ts";
import { POOL_CASES } from "./pool.ts";
import { REDUCE_CASES } from "./reduce.ts";
import { RESIZE_CASES } from "./resize.ts";
import { SHAPE_CASES } from "./shape.ts";

export { type Case, placeCase, type PlacedCase } from "./case.ts";

export const OP_CASES: { readonly [K in OpName]: readonly Case<K>[] } = {
  ...CONV_CASES,
  ...ELEMENTWISE_CASES,
  ...MATMUL_CASES,
  ...NORM_CASES,
  ...POOL_CASES,
  ...REDUCE_CASES,
  ...RESIZE_CASES,
  ...SHAPE_CASES,
};

/** The cases of an operator chosen at run time. */
export function casesOf<K extends OpName>(op: K): readonly Case<K>[] {
  return OP_CASES[op];
}
