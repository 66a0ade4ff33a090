/** ONNX Runtime's CUDA provider pads tensors of up to four axes. */
import { toNumbers } from "../../tensor/mod.ts";
import type { Match, Pass } from "./pass.ts";

const MAX_AXES = 4;

interface Axis {
  readonly size: number;
  readonly begin: number;
  readonly end: number;
}

const isPadded = ({ begin, end }: Axis) => begin !== 0 || end !== 0;

/** Neighbouring axes that are not padded count as one. */
function merged(axes: readonly Axis[]): Axis[] {
  const all: Axis[] = [];
  for (const axis of axes) {
    const last = all.at(-1);
    if (last !== undefined && !isPadded(last) && !isPadded(axis)) {
      all.push({ ...all.pop()!, size: last.size * axis.size });
    } else all.push(axis);
  }
  return all;
}

/** The axes, each time with as many of them padded as the device takes; those of earlier times have their final size. */
function groupsOf({ x: [x], constants: [, pads] }: Match): Axis[][] {
  const amounts = toNumbers(pads!), rank = x.shape.length;
  const axes = x.shape.map((size, i): Axis => ({ size, begin: amounts[i], end: amounts[rank + i] }));
  const padding = (from: number, to: number) =>
    merged(axes.map(({ size, begin, end }, i) => {
      if (i >= from && i < to) return { size, begin, end };
      return { size: i < from ? begin + size + end : size, begin: 0, end: 0 };
    }));
  const groups: Axis[][] = [];
  for (let from = 0, to = 1; from < rank; from = to++) {
    while (to < rank && padding(from, to + 1).length <= MAX_AXES) to++;
    groups.push(padding(from, to));
  }
  return groups.filter((group) => group.some(isPadded));
}

export const FEWER_PADDED_AXES: Pass = {
  name: "fewer-padded-axes",
  op: "Pad",
  check: (match) => {
    if (match.x[0].shape.length <= MAX_AXES) return undefined;
    return match.constants[1] === undefined ? "the amounts are no constant" : null;
  },
  rewrite: (op, [x, , value], match) => {
    const padded = groupsOf(match).reduce((v, axes) => {
      const pads = [...axes.map((a) => a.begin), ...axes.map((a) => a.end)];
      return op.Pad(op.Reshape(v, axes.map((a) => a.size)), pads, value ?? null, match.node.attrs as never);
    }, x);
    return op.Reshape(padded, match.y.shape);
  },
};
