/** Import rules of convolution, pooling and resizing: `auto_pad` becomes pads, scales become sizes. */
import type { AttrsOf, Value } from "../../ir/ir.ts";
import { normalizeAxis } from "../../ops/operands.ts";
import type { RuleContext, Rules } from "./rule.ts";

interface WindowAttrs {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

const AUTO_PADS = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"];

/** The padding in halves; an odd voxel is at the end, or for SAME_LOWER at the beginning. */
function halves(totals: readonly number[], autoPad: string | undefined): number[] {
  const small = totals.map((t) => Math.floor(t / 2)), large = totals.map((t) => Math.ceil(t / 2));
  return autoPad === "SAME_LOWER" ? [...large, ...small] : [...small, ...large];
}

/** The attributes of a window, complete and checked. */
function windowAttrs(
  c: RuleContext,
  { kernel, spatial }: { kernel: readonly number[]; spatial: readonly number[] },
): WindowAttrs {
  const n = spatial.length;
  const kernel_shape = c.intsAttr("kernel_shape") ?? kernel;
  const strides = c.intsAttr("strides") ?? Array<number>(n).fill(1);
  const dilations = c.intsAttr("dilations") ?? Array<number>(n).fill(1);
  c.only("auto_pad", ...AUTO_PADS);
  const autoPad = c.text("auto_pad");
  let pads = c.intsAttr("pads") ?? Array<number>(2 * n).fill(0);
  if (autoPad === "VALID") pads = Array<number>(2 * n).fill(0);
  else if (autoPad?.startsWith("SAME")) {
    pads = halves(
      spatial.map((d, i) =>
        Math.max(0, (Math.ceil(d / strides[i]) - 1) * strides[i] + dilations[i] * (kernel_shape[i] - 1) + 1 - d)
      ),
      autoPad,
    );
  }
  const whole = [kernel_shape, strides, dilations].every((l) => l.length === n && l.every((v) => v >= 1));
  if (!whole || pads.length !== 2 * n || pads.some((p) => p < 0) || kernel.some((k, i) => k !== kernel_shape[i])) {
    throw new RangeError(
      `expected a window over ${n} axes${kernel.length > 0 ? ` with kernel [${kernel}]` : ""}, got kernel_shape ` +
        `[${kernel_shape}], strides [${strides}], dilations [${dilations}], pads [${pads}]`,
    );
  }
  return { kernel_shape, strides, pads, dilations };
}

interface ConvOperands {
  readonly x: Value;
  readonly w: Value;
  readonly b: Value | null;
}

/** x [N, C, …] and w [M, C/g, …] of equal rank, at least one spatial axis. */
function operands(c: RuleContext): ConvOperands {
  return checked({ x: c.x(0), w: c.x(1, "weights"), b: c.optional(2) });
}

function checked({ x, w, b }: ConvOperands): ConvOperands {
  requireImage(x);
  if (w.shape.length !== x.shape.length) {
    throw new RangeError(`expected input and weights of equal rank, got [${x.shape}] and [${w.shape}]`);
  }
  return { x, w, b };
}

function requireImage({ shape }: Value): void {
  if (shape.length < 3 || shape.length > 5) {
    throw new RangeError(`expected [N, C, …] with 1 to 3 spatial axes, got [${shape}]`);
  }
}

function requireBias(b: Value | null, channels: number): void {
  if (b !== null && (b.shape.length !== 1 || b.shape[0] !== channels)) {
    throw new RangeError(`expected a bias [${channels}], got [${b.shape}]`);
  }
}

function groupOf(c: RuleContext, channels: number): number {
  const group = c.number("group") ?? 1;
  if (!(group >= 1) || channels % group !== 0) {
    throw new RangeError(`expected groups that divide ${channels} channels, got ${group}`);
  }
  return group;
}

/** The convolution that the node's attributes describe, of these operands. */
export function convolution(c: RuleContext, given: ConvOperands): Value {
  const { x, w, b } = checked(given);
  requireBias(b, w.shape[0]);
  const window = windowAttrs(c, { kernel: w.shape.slice(2), spatial: x.shape.slice(2) });
  return c.op.Conv(x, w, b, { ...window, group: groupOf(c, w.shape[0]) });
}

function convTranspose(c: RuleContext): Value {
  const { x, w, b } = operands(c);
  const spatial = x.shape.slice(2), n = spatial.length;
  const group = groupOf(c, w.shape[0]);
  requireBias(b, w.shape[1] * group);
  const autoPad = c.text("auto_pad");
  const same = autoPad?.startsWith("SAME") ?? false;
  const window = windowAttrs(c, { kernel: w.shape.slice(2), spatial });
  const output_padding = c.intsAttr("output_padding") ?? Array<number>(n).fill(0);
  const { strides, dilations, kernel_shape } = window;
  const room = strides.map((s, i) => Math.max(s, dilations[i]) - 1);
  if (output_padding.length !== n || output_padding.some((p, i) => p < 0 || p > room[i])) {
    throw new RangeError(`expected output paddings from 0 to [${room}], got [${output_padding}]`);
  }
  const wanted = c.intsAttr("output_shape")?.slice(-n) ??
    (same ? spatial.map((d, i) => d * strides[i]) : undefined);
  if (wanted === undefined) return c.op.ConvTranspose(x, w, b, { ...window, group, output_padding });
  const totals = spatial.map((d, i) =>
    strides[i] * (d - 1) + output_padding[i] + dilations[i] * (kernel_shape[i] - 1) + 1 - wanted[i]
  );
  if (totals.some((t) => !(t >= 0))) {
    throw new RangeError(`expected an output_shape that fits the window, got [${wanted}]`);
  }
  // in ONNX an odd voxel is at the beginning, except for SAME_UPPER
  const pads = halves(totals, autoPad === "SAME_UPPER" ? autoPad : "SAME_LOWER");
  return c.op.ConvTranspose(x, w, b, { ...window, pads, group, output_padding });
}

function pool(c: RuleContext): { x: Value; attrs: WindowAttrs & { ceil_mode: number } } {
  const x = c.x(0);
  requireImage(x);
  c.only("ceil_mode", 0, 1);
  return {
    x,
    attrs: { ...windowAttrs(c, { kernel: [], spatial: x.shape.slice(2) }), ceil_mode: c.number("ceil_mode") ?? 0 },
  };
}

function image(c: RuleContext): Value {
  requireImage(c.x(0));
  return c.x(0);
}

function maxPool(c: RuleContext): Value {
  c.ignore("storage_order"); // of the indices, which are refused
  const { x, attrs } = pool(c);
  return c.op.MaxPool(x, attrs);
}

function averagePool(c: RuleContext): Value {
  const { x, attrs } = pool(c);
  c.only("count_include_pad", 0, 1);
  return c.op.AveragePool(x, { ...attrs, count_include_pad: c.number("count_include_pad") ?? 0 });
}

/** Sizes from scales. Refuses a scale that is not the ratio of two sizes, since it would move the sampling points. */
function sizesFromScales(shape: readonly number[], scales: readonly number[]): number[] {
  return shape.map((d, k) => {
    const size = Math.floor(Math.fround(d * scales[k]));
    if (!(size >= 1) || Math.abs(size / d - scales[k]) > 1e-6 * scales[k]) {
      throw new RangeError(`expected scales that give whole sizes, got [${scales}] for [${shape}]`);
    }
    return size;
  });
}

/** Upsample, and Resize of operator set 10: sample at i·from/to, rounded down. */
function resizeOld(c: RuleContext): Value {
  const x = c.x(0);
  const scales = c.intsAttr("scales") ?? c.numbers(1, "scales"); // an attribute before operator set 9
  if (scales?.length !== x.shape.length) {
    throw new RangeError(`expected ${x.shape.length} scales, got ${scales ?? "none"}`);
  }
  const mode = c.choice("mode", ["nearest", "linear"]);
  return resized(c, x, {
    sizes: sizesFromScales(x.shape, scales),
    attrs: { mode, coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  });
}

function resized(
  c: RuleContext,
  x: Value,
  { sizes, attrs }: { sizes: readonly number[]; attrs: AttrsOf<"Resize"> },
): Value {
  if (attrs.mode === "linear" && x.shape.length > 3 && sizes.slice(0, 2).some((d, k) => d !== x.shape[k])) {
    throw new RangeError(`expected linear resizing of spatial axes only, got [${x.shape}] to [${sizes}]`);
  }
  return sizes.every((d, k) => d === x.shape[k]) ? x : c.op.Resize(x, null, null, sizes, attrs);
}

function resize(c: RuleContext): Value {
  if (c.opset < 11) return resizeOld(c);
  const x = c.x(0), rank = x.shape.length;
  c.optional(1); // the region of tf_crop_and_resize, which is refused
  c.ignore("cubic_coeff_a", "extrapolation_value", "exclude_outside");
  const mode = c.choice("mode", ["nearest", "linear"]);
  c.only("antialias", 0);
  c.only("keep_aspect_ratio_policy", "stretch");
  const transform = c.choice("coordinate_transformation_mode", [
    "half_pixel",
    "align_corners",
    "asymmetric",
    "pytorch_half_pixel",
    "half_pixel_symmetric",
  ]);
  const nearest_mode = c.choice("nearest_mode", ["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"]);
  const axes = (c.intsAttr("axes") ?? x.shape.map((_, k) => k)).map((a) => normalizeAxis(a, rank));
  const spread = (list: readonly number[] | undefined, rest: readonly number[]) => {
    if (list === undefined || list.length === 0) return undefined;
    if (list.length !== axes.length) throw new RangeError(`expected ${axes.length} sizes or scales, got [${list}]`);
    return rest.map((r, k) => (axes.includes(k) ? list[axes.indexOf(k)] : r));
  };
  const sizes = spread(c.numbers(3, "sizes"), x.shape);
  const scales = spread(c.numbers(2, "scales"), x.shape.map(() => 1));
  if (sizes === undefined && scales === undefined) throw new TypeError("expected sizes or scales, got neither");
  return resized(c, x, {
    sizes: sizes ?? sizesFromScales(x.shape, scales ?? []),
    attrs: {
      mode,
      // symmetric differs from half_pixel only for scales that are no ratio of sizes
      coordinate_transformation_mode: transform === "half_pixel_symmetric" ? "half_pixel" : transform,
      nearest_mode,
    },
  });
}

export const WINDOW_RULES: Rules = {
  AveragePool: averagePool,
  Conv: (c) => convolution(c, operands(c)),
  ConvTranspose: convTranspose,
  GlobalAveragePool: (c) => c.op.GlobalAveragePool(image(c)),
  GlobalMaxPool: (c) => c.op.GlobalMaxPool(image(c)),
  MaxPool: maxPool,
  Resize: resize,
  Upsample: resizeOld,
};
