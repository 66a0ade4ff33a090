/**
 * Padding of many axes in steps: ONNX Runtime's CUDA provider pads tensors of up to four axes. Padding by a value that the
 * graph computes: OpenVINO pads with zeros in its place.
 */
import { sizeOf, tensor, toNumbers } from "../../tensor/mod.ts";
import { pass } from "./pass.ts";

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

/** The steps: each pads as many axes as the device takes; axes of earlier steps have their final size. */
function groupsOf(shape: readonly number[], amounts: readonly number[]): Axis[][] {
  const rank = shape.length;
  const axes = shape.map((size, i): Axis => ({ size, begin: amounts[i], end: amounts[rank + i] }));
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

export const FEWER_PADDED_AXES = pass({
  name: "fewer-padded-axes",
  ops: ["Pad"],
  match: ({ node: { attrs }, x: [{ shape }], y, constants: [, pads] }) => {
    if (shape.length <= MAX_AXES) return undefined;
    if (pads === undefined) return "the amounts are no constant";
    return { groups: groupsOf(shape, toNumbers(pads)), attrs, shape: y.shape };
  },
  rewrite: (op, [x, , value], { groups, attrs, shape }) => {
    const padded = groups.reduce((v, axes) => {
      const pads = [...axes.map((a) => a.begin), ...axes.map((a) => a.end)];
      return op.Pad(op.Reshape(v, axes.map((a) => a.size)), pads, value ?? null, attrs);
    }, x);
    return op.Reshape(padded, shape);
  },
});

/** Pad(x, v) = Pad(x, 0) + v·Pad(0, 1). */
export const PAD_BY_MASK = pass({
  name: "pad-by-mask",
  ops: ["Pad"],
  match: ({ node: { attrs }, x: [{ shape, dtype }], constants: [, , value] }) =>
    attrs.mode !== "constant" || value !== undefined ? undefined : { shape, dtype, attrs },
  rewrite: (op, [x, pads, value], { shape, dtype, attrs }) => {
    if (value == null) return op.Pad(x, pads, null, attrs);
    const zeros = tensor(dtype, shape, Array(sizeOf(shape)).fill(0));
    return op.Add(op.Pad(x, pads, 0, attrs), op.Mul(value, op.Pad(zeros, pads, 1, attrs)));
  },
});
