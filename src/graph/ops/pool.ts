/** Pooling over windows and over whole volumes. */
import type { AttrsOf, InputInfo, OpDef, Ops, Value } from "../ir/ir.ts";
import { type NdArray, sizeOf, tensor, type TensorType } from "../../tensor/mod.ts";
import { ndarray, reduce, stridesOf } from "../../tensor/ndarray.ts";
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { dilate } from "./shape.ts";
import { windowAttrs, windowOutput } from "./conv.ts";

type MaxAttrs = AttrsOf<"MaxPool">;
type AverageAttrs = AttrsOf<"AveragePool">;

function infer([x]: readonly InputInfo[], attrs: MaxAttrs): TensorType {
  const { kernel_shape, strides, dilations, pads } = attrs, n = x.shape.length - 2;
  if (kernel_shape.length !== n || strides.length !== n || dilations.length !== n || pads.length !== 2 * n) {
    throw new RangeError(
      `expected a window of ${n} axes for [${x.shape}], got kernel [${kernel_shape}], ` +
        `strides [${strides}], dilations [${dilations}], pads [${pads}]`,
    );
  }
  if (pads.some((p, i) => p < 0 || p >= kernel_shape[i % n])) {
    throw new RangeError(`expected pads smaller than the window [${kernel_shape}], got [${pads}]`);
  }
  const spatial = x.shape.slice(2).map((d, i) => windowOutput(d, attrs, i, attrs.ceil_mode === 1));
  if (spatial.some((d) => d < 1)) throw new RangeError(`expected an input larger than the window, got [${x.shape}]`);
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...spatial] };
}

function inferGlobal([x]: readonly InputInfo[]): TensorType {
  return { dtype: x.dtype, shape: x.shape.map((d, k) => (k < 2 ? d : 1)) };
}

/** Every index vector below `dims`, in C order. */
function indices(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>((all, d) => all.flatMap((i) => Array.from({ length: d }, (_, k) => [...i, k])), [[]]);
}

/** For each output voxel the number of input voxels in its window, and with padding. */
export function windowCounts(
  spatial: readonly number[],
  out: readonly number[],
  attrs: MaxAttrs,
): { readonly inside: readonly number[]; readonly padded: readonly number[] } {
  const windows = windowsOf(spatial, out, attrs);
  return { inside: windows.map(({ taps }) => taps.length), padded: windows.map(({ padded }) => padded) };
}

/** For each output voxel the flat offsets of the input voxels in its window, and their number with padding. */
function windowsOf(
  spatial: readonly number[],
  out: readonly number[],
  attrs: MaxAttrs,
): { taps: number[]; padded: number }[] {
  const own = stridesOf(spatial);
  const { kernel_shape, strides, dilations, pads } = attrs;
  const n = spatial.length;
  return indices(out).map((o) => {
    let padded = 0;
    const taps: number[] = [];
    for (const k of indices(kernel_shape)) {
      const at = k.map((q, i) => o[i] * strides[i] + q * dilations[i] - pads[i]);
      if (at.every((a, i) => a >= -pads[i] && a < spatial[i] + pads[i + n])) padded++;
      if (at.every((a, i) => a >= 0 && a < spatial[i])) taps.push(at.reduce((s, a, i) => s + a * own[i], 0));
    }
    return { taps, padded };
  });
}

function pool(x: NdArray, y: TensorType, f: (base: number, window: number) => number): NdArray {
  const out = ndarray(y.shape);
  const size = sizeOf(y.shape.slice(2)), xSize = sizeOf(x.shape.slice(2));
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(Math.floor(i / size) * xSize, i % size);
  return out;
}

/** The padding at the end, larger where the last windows of ceil mode reach beyond the padded input. */
function endPads(shape: readonly number[], out: readonly number[], attrs: MaxAttrs): number[] {
  const { kernel_shape, strides, dilations, pads } = attrs;
  return out.map((o, i) => {
    const reach = (o - 1) * strides[i] + dilations[i] * (kernel_shape[i] - 1) + 1;
    return Math.max(pads[i + out.length], reach - shape[i] - pads[i]);
  });
}

/** Puts `dy` masked for window element `k` back onto the padded input grid. */
function scatterTap(
  op: Ops,
  dy: Value,
  { k, attrs, padded }: { k: number[]; attrs: MaxAttrs; padded: number[] },
): Value {
  const spread = dilate(op, dy, [1, 1, ...attrs.strides]);
  const low = k.map((q, i) => q * attrs.dilations[i]);
  const high = low.map((l, i) => padded[i] - l - spread.shape[i + 2]);
  const crop = [0, 0, ...low, 0, 0, ...high];
  return crop.every((p) => p === 0) ? spread : op.Pad(spread, crop, 0, {});
}

const spatialAxes = (rank: number) => Array.from({ length: rank - 2 }, (_, i) => i + 2);

export const POOL_OPS = {
  // y = max over the window; dy goes to the first maximum
  MaxPool: {
    attrs: (given) => ({ ...windowAttrs(given, given.kernel_shape ?? []), ceil_mode: given.ceil_mode ?? 0 }),
    infer,
    vjp: (op, { x: [x], y, attrs }, dy) => {
      const { kernel_shape, strides, dilations, pads } = attrs;
      const n = kernel_shape.length, axes = spatialAxes(n + 2), out = y.shape.slice(2);
      const low = pads.slice(0, n), high = endPads(x.shape.slice(2), out, attrs);
      const padded = x.shape.slice(2).map((d, i) => d + low[i] + high[i]);
      const wide = op.Pad(x, [0, 0, ...low, 0, 0, ...high], -3e38, {});
      const to = ONNX_DTYPES[x.dtype];
      let dx: Value | undefined, taken: Value | undefined;
      for (const k of indices(kernel_shape)) {
        const start = k.map((q, i) => q * dilations[i]);
        const end = start.map((s, i) => s + (out[i] - 1) * strides[i] + 1);
        const hit = op.Cast(op.Equal(op.Slice(wide, start, end, axes, strides), y), { to });
        const first = taken === undefined ? hit : op.Mul(hit, op.Sub(1, taken));
        taken = taken === undefined ? first : op.Add(taken, first);
        const part = scatterTap(op, op.Mul(dy, first), { k, attrs, padded });
        dx = dx === undefined ? part : op.Add(dx, part);
      }
      return [op.Pad(dx!, [0, 0, ...low.map((p) => -p), 0, 0, ...high.map((p) => -p)], 0, {})];
    },
    evaluate: ([x], attrs, y) => {
      const windows = windowsOf(x.shape.slice(2), y.shape.slice(2), attrs);
      return pool(x, y, (base, w) => windows[w].taps.reduce((m, t) => Math.max(m, x.data[base + t]), -Infinity));
    },
  } satisfies OpDef<"MaxPool">,

  // y = mean over the window; dy/n goes to every element of it
  AveragePool: {
    attrs: (given) => ({
      ...windowAttrs(given, given.kernel_shape ?? []),
      ceil_mode: given.ceil_mode ?? 0,
      count_include_pad: given.count_include_pad ?? 0,
    }),
    infer,
    vjp: (op, { x: [x], y, attrs }, dy) => {
      const n = attrs.kernel_shape.length, out = y.shape.slice(2);
      const windows = windowsOf(x.shape.slice(2), out, attrs);
      const counts = windows.map((w) => 1 / (attrs.count_include_pad ? w.padded : w.taps.length));
      const share = op.Mul(dy, tensor(dy.dtype, out, counts));
      const low = attrs.pads.slice(0, n), high = endPads(x.shape.slice(2), out, attrs);
      const padded = x.shape.slice(2).map((d, i) => d + low[i] + high[i]);
      const parts = indices(attrs.kernel_shape).map((k) => scatterTap(op, share, { k, attrs, padded }));
      const sum = parts.reduce((a, b) => op.Add(a, b));
      return [op.Pad(sum, [0, 0, ...low.map((p) => -p), 0, 0, ...high.map((p) => -p)], 0, {})];
    },
    evaluate: ([x], attrs: AverageAttrs, y) => {
      const windows = windowsOf(x.shape.slice(2), y.shape.slice(2), attrs);
      return pool(x, y, (base, w) => {
        const { taps, padded } = windows[w];
        return taps.reduce((s, t) => s + x.data[base + t], 0) / (attrs.count_include_pad ? padded : taps.length);
      });
    },
  } satisfies OpDef<"AveragePool">,

  // y = mean over the spatial axes, dx = dy/n
  GlobalAveragePool: {
    infer: inferGlobal,
    vjp: (op, { x: [x] }, dy) => [op.Expand(op.Div(dy, sizeOf(x.shape.slice(2))), x.shape)],
    evaluate: ([x]) => {
      const n = sizeOf(x.shape.slice(2));
      return reduce(x, { axes: spatialAxes(x.shape.length), initial: 0, f: (s, v) => s + v / n });
    },
  } satisfies OpDef<"GlobalAveragePool">,

  // y = max over the spatial axes: dy is shared evenly among equal maxima
  GlobalMaxPool: {
    infer: inferGlobal,
    vjp: (op, { x: [x], y }, dy) => {
      const hit = op.Cast(op.Equal(x, y), { to: ONNX_DTYPES[x.dtype] });
      return [op.Mul(hit, op.Div(dy, op.ReduceSum(hit, spatialAxes(x.shape.length), { keepdims: 1 })))];
    },
    evaluate: ([x]) => reduce(x, { axes: spatialAxes(x.shape.length), initial: -Infinity, f: Math.max }),
  } satisfies OpDef<"GlobalMaxPool">,
};
