/** Views: changes of shape alone, which move nothing. Passes make many; one of another is one. */
import { sameShape } from "../../tensor/mod.ts";
import type { Match, Pass } from "./pass.ts";

/** Whether the node keeps the order of the elements: a reshape, or a transpose of axes of which at most one is not 1. */
function isView({ node, x: [x] }: Match): boolean {
  if (node.op === "Reshape") return true;
  if (node.op !== "Transpose") return false;
  const moved = (node.attrs.perm as readonly number[]).filter((k) => x.shape[k] !== 1);
  return moved.every((k, i) => i === 0 || k > moved[i - 1]);
}

/** A view of a view as a view of what that one is of; a view of the same shape as nothing. */
export const MERGE_VIEWS: Pass = {
  name: "merge-views",
  check: (match) => {
    const { node, x: [x], y, producers } = match;
    if (!isView(match)) return undefined;
    const merges = node.op === "Transpose" || sameShape(x.shape, y.shape) || producers[0]?.op === "Reshape";
    return merges ? null : undefined;
  },
  rewrite: (op, [x], { y, producers }) => {
    const source = producers[0]?.op === "Reshape" ? producers[0].x[0]! : x;
    return sameShape(source.shape, y.shape) ? source : op.Reshape(source, y.shape);
  },
};
