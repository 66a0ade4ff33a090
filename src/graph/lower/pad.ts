/** ONNX Runtime's CUDA provider pads tensors of up to four axes. */
import { toNumbers } from "../tensor.ts";
import type { Match, Pass } from "./pass.ts";

const MAX_AXES = 4;

/** Neighbouring axes that are not padded count as one: sizes, begins, ends. */
function merged({ x: [x], constants: [, pads] }: Match): { size: number; begin: number; end: number }[] {
  const amounts = toNumbers(pads!), rank = x.shape.length;
  const axes: { size: number; begin: number; end: number }[] = [];
  x.shape.forEach((size, i) => {
    const begin = amounts[i], end = amounts[rank + i], last = axes.at(-1);
    const joins = last !== undefined && [begin, end, last.begin, last.end].every((n) => n === 0);
    if (joins) last.size *= size;
    else axes.push({ size, begin, end });
  });
  return axes;
}

export const FEWER_PADDED_AXES: Pass = {
  name: "fewer-padded-axes",
  op: "Pad",
  check: (match) => {
    if (match.x[0].shape.length <= MAX_AXES) return undefined;
    if (match.constants[1] === undefined) return "the amounts are no constant";
    const { length } = merged(match);
    return length > MAX_AXES ? `${length} axes are padded or apart` : null;
  },
  rewrite: (op, [x, , value], match) => {
    const axes = merged(match);
    const pads = [...axes.map((a) => a.begin), ...axes.map((a) => a.end)];
    const narrow = op.Pad(op.Reshape(x, axes.map((a) => a.size)), pads, value ?? null, match.node.attrs as never);
    return op.Reshape(narrow, match.y.shape);
  },
};
