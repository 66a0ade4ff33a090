/** Views: changes of shape, which move nothing. Passes make many of them in a row; here each row becomes one. */
import { sameShape } from "../../tensor/mod.ts";
import { type Match, pass } from "./pass.ts";

/**
 * Reports whether the node keeps the order of the elements: a reshape, or a transpose that keeps the order of all axes
 * longer than 1.
 */
function isView({ node, x: [x] }: Match<"Reshape" | "Transpose">): boolean {
  if (node.op === "Reshape") return true;
  const moved = node.attrs.perm.filter((k) => x.shape[k] !== 1);
  return moved.every((k, i) => i === 0 || k > moved[i - 1]);
}

/** Replaces a view of a view by a view of its source, and removes views that keep the shape. */
export const MERGE_VIEWS = pass({
  name: "merge-views",
  ops: ["Reshape", "Transpose"],
  match: (match) => {
    const { node, x: [x], y, producers: [producer] } = match;
    if (!isView(match)) return undefined;
    const source = producer?.op === "Reshape" ? producer.x[0] : undefined;
    const merges = node.op === "Transpose" || sameShape(x.shape, y.shape) || source !== undefined;
    return merges ? { source, shape: y.shape } : undefined;
  },
  rewrite: (op, [x], { source = x, shape }) => sameShape(source.shape, shape) ? source : op.Reshape(source, shape),
});
