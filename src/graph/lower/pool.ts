/** Means over windows that reach beyond the padding: OpenVINO counts what lies beyond as padding, too. */
import { windowCounts } from "../ops/pool.ts";
import { tensor } from "../../tensor/mod.ts";
import { pass } from "./pass.ts";

/** The mean with padding is the sum of the others, shared among all. */
export const COUNTED_POOL = pass({
  name: "counted-pool",
  ops: ["AveragePool"],
  match: ({ node: { attrs }, x: [x], y }) => {
    if (attrs.ceil_mode === 0 || attrs.count_include_pad === 0) return undefined;
    const out = y.shape.slice(2);
    const { inside, padded } = windowCounts(x.shape.slice(2), out, attrs);
    return { attrs, inside: tensor(y.dtype, out, inside), padded: tensor(y.dtype, out, padded) };
  },
  rewrite: (op, [x], { attrs, inside, padded }) =>
    op.Div(op.Mul(op.AveragePool(x, { ...attrs, count_include_pad: 0 }), inside), padded),
});
