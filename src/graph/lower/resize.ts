/** Resize by repeated elements: OpenVINO finds them by float32 coordinates, which miss by one at halves. */
import { nearestSources } from "../ops/resize.ts";
import { tensor } from "../../tensor/mod.ts";
import { pass } from "./pass.ts";

export const NEAREST_BY_GATHER = pass({
  name: "nearest-by-gather",
  ops: ["Resize"],
  match: ({ node: { attrs }, x: [x], y }) =>
    attrs.mode === "nearest" ? { attrs, from: x.shape, to: y.shape } : undefined,
  rewrite: (op, [x], { attrs, from, to }) =>
    from.reduce((v, size, axis) => {
      if (size === to[axis]) return v;
      const sources = nearestSources(size, to[axis], attrs);
      return op.Gather(v, tensor("int64", [sources.length], sources), { axis });
    }, x),
});
