/**
 * Import rules of quantised models. Weights become float32 constants, which can be trained. Activations stay floats that
 * hold whole numbers: they are rounded and clamped as the file says, and gradients pass the rounding unchanged.
 */
import type { Value } from "../../ir/ir.ts";
import { normalizeAxis } from "../../ops/operands.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../../tensor/mod.ts";
import { stridesOf } from "../../../tensor/ndarray.ts";
import type { RawTensor } from "../raw.ts";
import { typeName } from "../tensors.ts";
import type { RuleContext, Rules } from "./rule.ts";
import { convolution } from "./window.ts";

/** The integers of each quantised type. */
const RANGES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  uint4: [0, 15],
  int4: [-8, 7],
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

/** Resolution of the difference that is kept apart from gradients, in quantisation steps. */
const FINE = 2 ** 30;

/** Rounds to the even neighbour; its gradient is that of x: x + c(round(x) − x), where c stops gradients. */
function straightRound({ op }: RuleContext, x: Value): Value {
  const rest = op.Sub(op.Round(x), x);
  // Round has no gradient; in steps of 2⁻³⁰ it loses nothing of the difference
  return op.Add(x, op.Mul(op.Round(op.Mul(rest, FINE)), 1 / FINE));
}

/** A scale or zero point as float32 that broadcasts against `x`: one number, or one along `axis`. */
function along(c: RuleContext, v: Value, { x, axis }: { x: Value; axis: number }): Value {
  const floats = c.cast(v, "float32");
  if (sizeOf(v.shape) === 1) return c.op.Reshape(floats, []);
  const rank = x.shape.length, at = normalizeAxis(axis, rank);
  if (v.shape.length !== 1 || v.shape[0] !== x.shape[at]) {
    throw new RangeError(
      `expected one scale, or one for each of [${x.shape}] along axis ${at}, got [${v.shape}]: quantise per tensor or ` +
        "per channel",
    );
  }
  return c.op.Reshape(floats, x.shape.map((d, k) => (k === at ? d : 1)));
}

/** The integer type of a zero point; absent ones are uint8. */
function typeOf(zero: { value: Value; known: RawTensor | undefined } | null): string {
  const type = zero === null ? "uint8" : zero.known?.widenedFrom ?? zero.value.dtype;
  if (Object.hasOwn(RANGES, type)) return type;
  throw new TypeError(`expected a zero point of 4 to 16 bits, got ${type}: export the model with 8 bits`);
}

interface Quantisation {
  readonly scale: Value;
  /** As float32; null: 0. */
  readonly zero: Value | null;
  readonly type: string;
}

function quantized(c: RuleContext, x: Value, { scale, zero, type }: Quantisation): Value {
  const { op } = c;
  const [low, high] = RANGES[type];
  const steps = op.Div(x, scale);
  // round(x/s) + z clamped to the integers is round(x/s clamped to them less z) + z
  const bounded = zero === null
    ? op.Clip(steps, low, high)
    : op.Max(op.Min(steps, op.Sub(high, zero)), op.Sub(low, zero));
  const whole = straightRound(c, bounded);
  return zero === null ? whole : op.Add(whole, zero);
}

function dequantized(c: RuleContext, x: Value, { scale, zero }: Omit<Quantisation, "type">): Value {
  const floats = c.cast(x, "float32");
  return c.op.Mul(zero === null ? floats : c.op.Sub(floats, zero), scale);
}

/** Inputs `i` and `i + 1`: scale and zero point of `x`. */
function quantisationAt(c: RuleContext, i: number, { x, axis }: { x: Value; axis: number }): Quantisation {
  const zero = c.optional(i + 1);
  return {
    scale: along(c, c.x(i, "a scale"), { x, axis }),
    zero: zero && along(c, zero, { x, axis }),
    type: typeOf(zero && { value: zero, known: c.known(i + 1) }),
  };
}

function quantizeLinear(c: RuleContext): Value {
  c.ignore("saturate", "precision");
  c.only("block_size", 0);
  const x = c.x(0), given = quantisationAt(c, 1, { x, axis: c.number("axis") ?? 1 });
  const code = c.number("output_dtype") ?? 0;
  const type = code !== 0 && c.optional(2) === null ? typeName(code) : given.type;
  if (!Object.hasOwn(RANGES, type)) throw new TypeError(`expected integers of 4 to 16 bits, got ${type}`);
  return quantized(c, c.cast(x, "float32"), { ...given, type });
}

/** (x − z)·s of constants, element by element in float32. */
function dequantizedConstant(
  x: Tensor,
  { scale, zero, axis }: { scale: Tensor; zero: Tensor | undefined; axis: number },
): Tensor {
  const scales = toNumbers(scale), zeros = zero === undefined ? [0] : toNumbers(zero);
  const stride = scales.length === 1 ? 1 : stridesOf(x.shape)[normalizeAxis(axis, x.shape.length)];
  const out = new Float32Array(x.data.length);
  for (let i = 0; i < out.length; i++) {
    const channel = Math.floor(i / stride) % scales.length;
    out[i] = Math.fround(Number(x.data[i]) - zeros[channel % zeros.length]) * scales[channel];
  }
  return tensor("float32", x.shape, out);
}

function dequantizeLinear(c: RuleContext): Value {
  c.only("block_size", 0);
  c.ignore("output_dtype");
  const x = c.x(0), axis = c.number("axis") ?? 1;
  const scale = c.x(1, "a scale"), zero = c.optional(2);
  const shapes = { scale: along(c, scale, { x, axis }), zero: zero && along(c, zero, { x, axis }) };
  const known = c.known(0), knownScale = c.known(1), knownZero = c.known(2);
  if (known === undefined || knownScale === undefined || (zero !== null && knownZero === undefined)) {
    return dequantized(c, x, shapes);
  }
  return c.b.parameter(dequantizedConstant(known, { scale: knownScale, zero: knownZero, axis }));
}

/** scale = (max − min)/255 and zero point from the values themselves. */
function dynamicQuantizeLinear(c: RuleContext): Value[] {
  const { op } = c;
  const x = c.x(0);
  const top = op.Max(op.ReduceMax(x, null, { keepdims: 0 }), 0);
  const bottom = op.Min(op.ReduceMin(x, null, { keepdims: 0 }), 0);
  const scale = op.Div(op.Sub(top, bottom), 255);
  const zero = op.Clip(op.Round(op.Div(op.Neg(bottom), scale)), 0, 255);
  return [quantized(c, x, { scale, zero, type: "uint8" }), scale, zero];
}

/** The difference of input `i` and its zero point, input `at`, which may differ along `axis`. */
function centred(c: RuleContext, i: number, [at, axis]: readonly [at: number, axis: number]): Value {
  const x = c.x(i), zero = c.optional(at), floats = c.cast(x, "float32");
  return zero === null ? floats : c.op.Sub(floats, along(c, zero, { x, axis }));
}

function qLinearConv(c: RuleContext): Value {
  const x = c.x(0), w = c.x(3), bias = c.optional(8);
  const xs = quantisationAt(c, 1, { x, axis: 1 }), ws = quantisationAt(c, 4, { x: w, axis: 0 });
  const conv = convolution(c, { x: dequantized(c, x, xs), w: dequantized(c, w, ws), b: null });
  const steps = c.op.Mul(xs.scale, along(c, c.x(4), { x: conv, axis: 1 }));
  const sum = bias === null ? conv : c.op.Add(conv, c.op.Mul(along(c, bias, { x: conv, axis: 1 }), steps));
  return quantized(c, sum, quantisationAt(c, 6, { x: conv, axis: 1 }));
}

function qLinearMatMul(c: RuleContext): Value {
  const a = c.x(0), b = c.x(3);
  const left = dequantized(c, a, quantisationAt(c, 1, { x: a, axis: -2 }));
  const right = dequantized(c, b, quantisationAt(c, 4, { x: b, axis: -1 }));
  const y = c.op.MatMul(left, right);
  return quantized(c, y, quantisationAt(c, 6, { x: y, axis: -1 }));
}

export const QUANTIZED_RULES: Rules = {
  ConvInteger: (c) => convolution(c, { x: centred(c, 0, [2, 1]), w: centred(c, 1, [3, 0]), b: null }),
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  MatMulInteger: (c) => c.op.MatMul(centred(c, 0, [2, -2]), centred(c, 1, [3, -1])),
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  QuantizeLinear: quantizeLinear,
};
