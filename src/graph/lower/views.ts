/** Views: changes of shape alone, which move nothing. Passes make many; one of another is one. */
import { sameShape } from "../../tensor/mod.ts";
import { type Match, pass } from "./pass.ts";

/** Whether the node keeps the order of the elements: a reshape, or a transpose of axes of which at most one is not 1. */
function isView({ node, x: [x] }: Match<"Reshape" | "Transpose">): boolean {
  if (node.op === "Reshape") return true;
  const moved = node.attrs.perm.filter((k) => x.shape[k] !== 1);
  return moved.every((k, i) => i === 0 || k > moved[i - 1]);
}

/** A view of a view as a view of what that one is of; a view of the same shape as nothing. */
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
