/** Convolution and its transpose, over any number of spatial axes, with stride, padding, dilation and groups. */
import type { AttrsOf, InputInfo, OpDef, Ops, PerInput, Value } from "../ir/ir.ts";
import { type NdArray, sameShape, sizeOf, type TensorType } from "../../tensor/mod.ts";
import { ndarray, stridesOf } from "../../tensor/ndarray.ts";

type ConvAttrs = AttrsOf<"Conv">;
type Window = Omit<ConvAttrs, "group">;

/** Completes window attributes for `spatial` axes. */
export function windowAttrs(given: Partial<Window>, kernel: readonly number[]): Window {
  const n = kernel.length;
  return {
    kernel_shape: given.kernel_shape ?? kernel,
    strides: given.strides ?? Array(n).fill(1),
    pads: given.pads ?? Array(2 * n).fill(0),
    dilations: given.dilations ?? Array(n).fill(1),
  };
}

/** Extent of a dilated kernel. */
const extent = ({ kernel_shape: k, dilations: d }: Window, i: number) => d[i] * (k[i] - 1) + 1;

/** Output size along spatial axis `i` for input size `d`. */
export function windowOutput(d: number, window: Window, i: number, ceil = false): number {
  const padded = d + window.pads[i] + window.pads[i + window.strides.length];
  const steps = (padded - extent(window, i)) / window.strides[i];
  const out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // as in PyTorch: the last window must start inside the input or its left padding
  return ceil && (out - 1) * window.strides[i] >= d + window.pads[i] ? out - 1 : out;
}

/** @throws {RangeError} window attributes that do not suit the kernel, or a bias that does not suit the channels */
function requireWindow(
  w: InputInfo,
  b: InputInfo | null | undefined,
  { attrs, channels }: { attrs: ConvAttrs; channels: number },
): void {
  const kernel = w.shape.slice(2), n = kernel.length;
  const { kernel_shape, strides, dilations, pads } = attrs;
  if (
    n === 0 || !sameShape(kernel_shape, kernel) || strides.length !== n || dilations.length !== n ||
    pads.length !== 2 * n
  ) {
    throw new RangeError(
      `expected kernel [${kernel}], ${n} strides, ${n} dilations and ${2 * n} pads, ` +
        `got [${kernel_shape}], [${strides}], [${dilations}] and [${pads}]`,
    );
  }
  if (b != null && (!sameShape(b.shape, [channels]) || b.dtype !== w.dtype)) {
    throw new RangeError(`expected a bias ${w.dtype}[${channels}], got ${b.dtype}[${b.shape}]`);
  }
}

function inferConv([x, w, b]: PerInput<"Conv", InputInfo>, attrs: ConvAttrs): TensorType {
  const spatial = x.shape.slice(2);
  const shape = [x.shape[0], w.shape[0], ...spatial.map((d, i) => windowOutput(d, attrs, i))];
  if (
    x.shape.length !== w.shape.length || x.shape[1] !== w.shape[1] * attrs.group || w.shape[0] % attrs.group !== 0 ||
    x.dtype !== w.dtype || shape.some((d) => d < 1)
  ) {
    throw new RangeError(
      `expected x [N, C, …] and w [M, C/${attrs.group}, …], got ${x.dtype}[${x.shape}] and ${w.dtype}[${w.shape}]`,
    );
  }
  requireWindow(w, b, { attrs, channels: shape[1] });
  return { dtype: x.dtype, shape };
}

/** [M, C/g, k…] → [C, M/g, k…]: the kernels with which a convolution equals the transposed convolution. */
export function transposedKernels(op: Ops, w: Value, group: number): Value {
  const swapped = swapChannels(op, w, group), [c, m, ...kernel] = swapped.shape;
  const taps = sizeOf(kernel);
  if (taps === 1) return swapped;
  // reversing all axes at once takes half the time of one after the other
  const turned = op.Slice(op.Reshape(swapped, [c, m, taps]), [-1], [-(2 ** 31)], [2], [-1]);
  return op.Reshape(turned, swapped.shape);
}

/** [M, C/g, k…] → [C, M/g, k…] */
function swapChannels(op: Ops, w: Value, group: number): Value {
  const [m, c, ...kernel] = w.shape;
  if (m === group && c === 1) return w;
  const tail = kernel.map((_, i) => i + 3);
  const apart = op.Transpose(op.Reshape(w, [group, m / group, c, ...kernel]), { perm: [0, 2, 1, ...tail] });
  return op.Reshape(apart, [group * c, m / group, ...kernel]);
}

/** dx of a convolution: for stride 1 a convolution with flipped kernels, otherwise a transposed convolution. */
function convInputGradient(
  op: Ops,
  { w, dy, attrs, shape }: { w: Value; dy: Value; attrs: ConvAttrs; shape: readonly number[] },
): Value {
  const { strides, pads, dilations, group } = attrs;
  const n = strides.length;
  const full = Array.from({ length: 2 * n }, (_, i) => extent(attrs, i % n) - 1 - pads[i]);
  if (strides.every((s) => s === 1) && full.every((p) => p >= 0)) {
    return op.Conv(dy, transposedKernels(op, w, group), null, { dilations, group, pads: full });
  }
  const output_padding = strides.map((s, i) =>
    shape[i + 2] - ((dy.shape[i + 2] - 1) * s + extent(attrs, i) - pads[i] - pads[i + n])
  );
  return op.ConvTranspose(dy, w, null, { strides, pads, dilations, group, output_padding });
}

/**
 * dw[m, c, k] = Σ x[c, p·stride + k·dilation − pad]·dy[m, p]: a convolution of x with dy as its kernel, batch and
 * channel axes exchanged, stride and dilation exchanged.
 */
function convWeightGradient(op: Ops, { x, dy, attrs }: { x: Value; dy: Value; attrs: ConvAttrs }): Value {
  const { strides, pads, dilations, group: g } = attrs;
  const [n, c, ...spatial] = x.shape;
  const [, m, ...out] = dy.shape;
  const axes = spatial.map((_, i) => i + 2);
  // leave out voxels that the last window does not reach: less padding at the end, or fewer voxels
  const end = out.map((o, i) => (o - 1) * strides[i] + extent(attrs, i) - spatial[i] - pads[i]);
  const used = spatial.map((d, i) => d + Math.min(end[i], 0));
  const seen = end.every((e) => e >= 0) ? x : op.Slice(x, axes.map(() => 0), used, axes, axes.map(() => 1));
  const sorted = n * g === 1
    ? seen
    : op.Transpose(op.Reshape(seen, [n, g, c / g, ...used]), { perm: [2, 1, 0, ...axes.map((a) => a + 1)] });
  const rows = op.Reshape(sorted, [c / g, g * n, ...used]);
  const kernels = n === 1 ? op.Reshape(dy, [m, 1, ...out]) : op.Transpose(dy, { perm: [1, 0, ...axes] });
  const exchanged = [...pads.slice(0, out.length), ...end.map((e) => Math.max(e, 0))];
  const dw = op.Conv(rows, kernels, null, { strides: dilations, dilations: strides, pads: exchanged, group: g });
  return op.Transpose(dw, { perm: [1, 0, ...axes] });
}

function biasGradient(op: Ops, dy: Value): Value {
  return op.ReduceSum(dy, dy.shape.flatMap((_, k) => (k === 1 ? [] : [k])), { keepdims: 0 });
}

/** Voxels of input and output that elements of a kernel connect: `count` of them from the given places, in equal steps. */
interface TapRun {
  readonly count: number;
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly inputStep: number;
  readonly outputStep: number;
  readonly kernelStep: number;
}

/** The taps of a window over volumes of shapes `input` and `output`, in runs along the last axis. */
function tapRuns(
  { input, output, window }: { input: readonly number[]; output: readonly number[]; window: Window },
): TapRun[] {
  const { kernel_shape, strides, dilations, pads } = window;
  const last = input.length - 1;
  const inStrides = stridesOf(input), outStrides = stridesOf(output), kStrides = stridesOf(kernel_shape);
  const runs: TapRun[] = [];
  // a run goes along the longer one of output and kernel: of a weight gradient the "kernel" is a whole volume
  const alongOutput = output[last] >= kernel_shape[last];
  const stride = strides[last], dilation = dilations[last], pad = pads[last], size = input[last];
  const [fixedStep, step] = alongOutput ? [dilation, stride] : [stride, dilation];
  const [fixedCount, count] = alongOutput ? [kernel_shape[last], output[last]] : [output[last], kernel_shape[last]];
  const walk = (axis: number, i: number, o: number, k: number): void => {
    if (axis < last) {
      for (let p = 0; p < output[axis]; p++) {
        for (let q = 0; q < kernel_shape[axis]; q++) {
          const at = p * strides[axis] + q * dilations[axis] - pads[axis];
          if (at < 0 || at >= input[axis]) continue;
          walk(axis + 1, i + at * inStrides[axis], o + p * outStrides[axis], k + q * kStrides[axis]);
        }
      }
      return;
    }
    for (let f = 0; f < fixedCount; f++) {
      // the input voxel of element t is at start + t·step, which lies in the volume for t from `from` to `to` − 1
      const start = f * fixedStep - pad;
      const from = Math.max(0, Math.ceil(-start / step)), to = Math.min(count, Math.ceil((size - start) / step));
      if (from >= to) continue;
      runs.push({
        count: to - from,
        input: i + start + from * step,
        output: o + (alongOutput ? from : f),
        kernel: k + (alongOutput ? f : from),
        inputStep: step,
        outputStep: Number(alongOutput),
        kernelStep: Number(!alongOutput),
      });
    }
  };
  walk(0, 0, 0, 0);
  return runs;
}

/** Adds the (transposed) convolution of `a` with `w` [big channels of y or x] into a new array. */
function convolve(
  { a, w, shape, attrs, transposed }: {
    a: NdArray;
    w: NdArray;
    shape: readonly number[];
    attrs: ConvAttrs;
    transposed: boolean;
  },
): NdArray {
  const out = ndarray(shape);
  const g = attrs.group;
  const [big, small] = w.shape; // conv: [M, C/g]; transposed: [C, M/g]
  const aSize = sizeOf(a.shape.slice(2)), ySize = sizeOf(shape.slice(2)), kSize = sizeOf(w.shape.slice(2));
  const [input, output] = transposed ? [shape.slice(2), a.shape.slice(2)] : [a.shape.slice(2), shape.slice(2)];
  const runs = tapRuns({ input, output, window: attrs });
  for (let n = 0; n < shape[0]; n++) {
    for (let b = 0; b < big; b++) {
      for (let s = 0; s < small; s++) {
        const other = Math.floor(b / (big / g)) * small + s;
        const [from, to] = transposed ? [b, other] : [other, b];
        const aBase = (n * a.shape[1] + from) * aSize, yBase = (n * shape[1] + to) * ySize;
        const wBase = (b * small + s) * kSize;
        for (const run of runs) {
          let k = wBase + run.kernel, src = aBase + run.input, dst = yBase + run.output;
          let [srcStep, dstStep] = [run.inputStep, run.outputStep];
          if (transposed) {
            [src, dst] = [aBase + run.output, yBase + run.input];
            [srcStep, dstStep] = [run.outputStep, run.inputStep];
          }
          for (let t = 0; t < run.count; t++) {
            out.data[dst] += a.data[src] * w.data[k];
            src += srcStep;
            dst += dstStep;
            k += run.kernelStep;
          }
        }
      }
    }
  }
  return out;
}

function addBias(y: NdArray, b: NdArray | null | undefined): NdArray {
  if (b == null) return y;
  const inner = sizeOf(y.shape.slice(2));
  return { shape: y.shape, data: y.data.map((v, i) => v + b.data[Math.floor(i / inner) % y.shape[1]]) };
}

export const CONV_OPS = {
  // y[m, p] = b[m] + Σ w[m, c, k]·x[c, p·stride + k·dilation − pad]
  Conv: {
    attrs: (given, [, w]) => ({ ...windowAttrs(given, w.shape.slice(2)), group: given.group ?? 1 }),
    infer: inferConv,
    vjp: (op, { x: [x, w, b], attrs }, dy) => [
      convInputGradient(op, { w, dy, attrs, shape: x.shape }),
      convWeightGradient(op, { x, dy, attrs }),
      b == null ? null : biasGradient(op, dy),
    ],
    evaluate: ([x, w, b], attrs, y) => addBias(convolve({ a: x, w, shape: y.shape, attrs, transposed: false }), b),
  } satisfies OpDef<"Conv">,

  // the adjoint of Conv: dx is a convolution, dw the weight gradient with x and dy exchanged
  ConvTranspose: {
    attrs: (given, [, w]) => ({
      ...windowAttrs(given, w.shape.slice(2)),
      group: given.group ?? 1,
      output_padding: given.output_padding ?? w.shape.slice(2).map(() => 0),
    }),
    infer: ([x, w, b], attrs) => {
      const n = attrs.strides.length;
      const channels = w.shape[1] * attrs.group;
      if (
        x.shape.length !== w.shape.length || x.shape[1] !== w.shape[0] || w.shape[0] % attrs.group !== 0 ||
        x.dtype !== w.dtype
      ) {
        throw new RangeError(
          `expected x [N, C, …] and w [C, M/${attrs.group}, …], got ${x.dtype}[${x.shape}] and ${w.dtype}[${w.shape}]`,
        );
      }
      const spatial = x.shape.slice(2).map((d, i) =>
        (d - 1) * attrs.strides[i] + extent(attrs, i) + attrs.output_padding[i] - attrs.pads[i] - attrs.pads[i + n]
      );
      requireWindow(w, b, { attrs, channels });
      if (attrs.output_padding.length !== n || attrs.output_padding.some((p, i) => p < 0 || p >= attrs.strides[i])) {
        throw new RangeError(
          `expected output padding below the strides [${attrs.strides}], got [${attrs.output_padding}]`,
        );
      }
      if (spatial.some((d) => d < 1)) {
        throw new RangeError(
          `expected an output of at least one voxel, got [${spatial}] for x [${x.shape}], w [${w.shape}]`,
        );
      }
      return { dtype: x.dtype, shape: [x.shape[0], channels, ...spatial] };
    },
    vjp: (op, { x: [x, w, b], attrs }, dy) => {
      const { output_padding: _, ...conv } = attrs;
      return [
        op.Conv(dy, w, null, conv),
        convWeightGradient(op, { x: dy, dy: x, attrs: conv }),
        b == null ? null : biasGradient(op, dy),
      ];
    },
    evaluate: ([x, w, b], attrs, y) => addBias(convolve({ a: x, w, shape: y.shape, attrs, transposed: true }), b),
  } satisfies OpDef<"ConvTranspose">,
};
