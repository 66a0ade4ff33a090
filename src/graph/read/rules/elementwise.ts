/** Import rules of elementwise operators. */
import type { Attrs, OpName, Value } from "../../ir/ir.ts";
import { isFloat, tensor } from "../../../tensor/mod.ts";
import { dtypeOf } from "../tensors.ts";
import type { Rule, RuleContext, Rules } from "./rule.ts";

/** The same operator, with a fixed number of inputs and attributes that are numbers. */
function direct(op: OpName, inputs: number, attrs: readonly string[] = []): Rule {
  return (c) => {
    const given: Record<string, number> = {};
    for (const name of attrs) {
      const value = c.number(name);
      if (value !== undefined) given[name] = value;
    }
    return c.b.add(op, Array.from({ length: inputs }, (_, i) => c.x(i)), given satisfies Attrs);
  };
}

const UNARY = [
  "Abs",
  "Ceil",
  "Cos",
  "Erf",
  "Exp",
  "Floor",
  "HardSwish",
  "Log",
  "Neg",
  "Not",
  "Reciprocal",
  "Relu",
  "Round",
  "Sigmoid",
  "Sign",
  "Sin",
  "Softplus",
  "Sqrt",
  "Tanh",
] as const satisfies readonly OpName[];

const BINARY = [
  "Add",
  "And",
  "Div",
  "Equal",
  "Greater",
  "GreaterOrEqual",
  "Less",
  "LessOrEqual",
  "Mul",
  "Or",
  "PRelu",
  "Sub",
] as const satisfies readonly OpName[];

/** n-ary to binary. */
function folded(op: "Add" | "Max" | "Min"): Rule {
  return (c) => c.all().reduce((a, b) => c.op[op](a, b));
}

/** Inference form: the input itself, and a mask of true. */
function dropout(c: RuleContext): Value[] {
  c.ignore("ratio", "seed");
  c.optional(1);
  c.optional(2);
  const x = c.x(0);
  return c.node.outputs.length < 2 ? [x] : [x, c.op.Expand(tensor("bool", [], [1]), x.shape)];
}

/** Before operator set 11 the bounds are attributes. */
function clip(c: RuleContext): Value {
  const x = c.x(0);
  const bound = (name: string, i: number) => {
    const value = c.number(name);
    return value === undefined ? c.optional(i) : c.b.literal(x.dtype, value);
  };
  const [low, high] = [bound("min", 1), bound("max", 2)];
  for (const v of [low, high]) {
    if (v !== null && v.shape.length > 0 && v.shape.some((d) => d !== 1)) {
      throw new RangeError(`expected scalar bounds, got [${v.shape}]`);
    }
  }
  const scalar = (v: Value | null) => (v === null || v.shape.length === 0 ? v : c.op.Reshape(v, []));
  return low === null && high === null ? x : c.op.Clip(x, scalar(low), scalar(high));
}

/** Remainder with the sign of the divisor, or of the dividend where `fmod` is set. */
function mod(c: RuleContext): Value {
  const { op } = c;
  const [a, b] = [c.x(0), c.x(1)];
  const fmod = c.number("fmod") === 1;
  const [p, q] = isFloat(a.dtype) ? [a, b] : [c.cast(a, "float64"), c.cast(b, "float64")];
  const ratio = op.Div(p, q);
  const whole = fmod ? op.Mul(op.Sign(ratio), op.Floor(op.Abs(ratio))) : op.Floor(ratio);
  return c.cast(op.Sub(p, op.Mul(whole, q)), a.dtype);
}

/** Base and exponent may differ in type; the result has the type of the base. */
function power(c: RuleContext): Value {
  const a = c.x(0), b = c.x(1);
  return isFloat(a.dtype) || !isFloat(b.dtype)
    ? c.op.Pow(a, c.cast(b, a.dtype))
    : c.cast(c.op.Pow(c.cast(a, b.dtype), b), a.dtype);
}

/** A cast to an element type of the file. Integers of fewer bits keep their lowest ones, as in C. */
function castTo(c: RuleContext, x: Value, code: number): Value {
  const narrow = NARROW[code], dtype = dtypeOf(code);
  if (narrow === undefined || x.dtype === "bool") return c.cast(x, dtype);
  const { op } = c;
  const { low, count } = narrow;
  const whole = c.cast(c.cast(x, "int64"), "float64");
  return c.cast(op.Sub(whole, op.Mul(op.Floor(op.Div(op.Sub(whole, low), count)), count)), dtype);
}

/** The smallest integer and the number of integers of types that are kept in wider ones. */
const NARROW: Readonly<Partial<Record<number, { low: number; count: number }>>> = {
  3: { low: -128, count: 2 ** 8 },
  4: { low: 0, count: 2 ** 16 },
  5: { low: -(2 ** 15), count: 2 ** 16 },
  12: { low: 0, count: 2 ** 32 },
  21: { low: 0, count: 2 ** 4 },
  22: { low: -8, count: 2 ** 4 },
};

function mapped(f: (c: RuleContext, x: Value) => Value): Rule {
  return (c) => f(c, c.x(0));
}

export const ELEMENTWISE_RULES: Rules = {
  ...Object.fromEntries(UNARY.map((op) => [op, direct(op, 1)])),
  ...Object.fromEntries(BINARY.map((op) => [op, direct(op, 2)])),
  Elu: direct("Elu", 1, ["alpha"]),
  LeakyRelu: direct("LeakyRelu", 1, ["alpha"]),
  HardSigmoid: direct("HardSigmoid", 1, ["alpha", "beta"]),
  Gelu: (c) => {
    c.only("approximate", "none", "tanh");
    return c.op.Gelu(c.x(0), { approximate: c.text("approximate") === "tanh" ? "tanh" : "none" });
  },
  Clip: clip,
  Dropout: dropout,
  Identity: (c) => c.x(0),
  Max: folded("Max"),
  Min: folded("Min"),
  Sum: folded("Add"),
  Mean: (c) => c.op.Div(c.all().reduce((a, b) => c.op.Add(a, b)), c.inputs.length),
  Pow: power,
  Mod: mod,
  Where: (c) => c.op.Where(c.x(0), c.x(1), c.x(2)),
  Xor: (c) => c.op.Not(c.op.Equal(c.x(0), c.x(1))),
  IsNaN: mapped(({ op }, x) => op.Not(op.Equal(x, x))),
  Cast: (c) => {
    c.ignore("saturate", "round_mode");
    return castTo(c, c.x(0), c.number("to") ?? 0);
  },
  CastLike: (c) => {
    c.ignore("saturate", "round_mode");
    return c.cast(c.x(0), c.x(1).dtype);
  },
  // α·elu(x/α)
  Celu: mapped((c, x) => {
    const alpha = c.number("alpha") ?? 1;
    if (!(alpha > 0)) throw new RangeError(`expected a positive alpha, got ${alpha}`);
    return c.op.Mul(c.op.Elu(c.op.Div(x, alpha), { alpha: 1 }), alpha);
  }),
  // γ·elu(x, α)
  Selu: mapped((c, x) => {
    const elu = c.op.Elu(x, { alpha: c.number("alpha") ?? 1.67326319217681884765625 });
    return c.op.Mul(elu, c.number("gamma") ?? 1.05070102214813232421875);
  }),
  // x·tanh(ln(1 + eˣ))
  Mish: mapped(({ op }, x) => op.Mul(x, op.Tanh(op.Softplus(x)))),
  // x·σ(αx)
  Swish: mapped((c, x) => c.op.Mul(x, c.op.Sigmoid(c.op.Mul(x, c.number("alpha") ?? 1)))),
  IsInf: mapped((c, x) => {
    const { op } = c;
    const up = c.number("detect_positive") ?? 1, down = c.number("detect_negative") ?? 1;
    const [high, low] = [op.Equal(x, Infinity), op.Equal(x, -Infinity)];
    return up && down ? op.Or(high, low) : up ? high : down ? low : op.And(high, low);
  }),
  Acosh: mapped(({ op }, x) => op.Log(op.Add(x, op.Sqrt(op.Sub(op.Mul(x, x), 1))))),
  // sign(x)·ln(|x| + √(x² + 1)) does not cancel
  Asinh: mapped(({ op }, x) => {
    const size = op.Abs(x);
    return op.Mul(op.Sign(x), op.Log(op.Add(size, op.Sqrt(op.Add(op.Mul(x, x), 1)))));
  }),
  Atanh: mapped(({ op }, x) => op.Mul(op.Log(op.Div(op.Add(x, 1), op.Sub(1, x))), 0.5)),
  Softsign: mapped(({ op }, x) => op.Div(x, op.Add(op.Abs(x), 1))),
  ThresholdedRelu: mapped((c, x) => c.op.Where(c.op.Greater(x, c.number("alpha") ?? 1), x, 0)),
  Shrink: mapped((c, x) => {
    const { op } = c;
    const bias = c.number("bias") ?? 0, lambd = c.number("lambd") ?? 0.5;
    const high = op.Where(op.Greater(x, lambd), op.Sub(x, bias), 0);
    return op.Where(op.Less(x, -lambd), op.Add(x, bias), high);
  }),
  Tan: mapped(({ op }, x) => op.Div(op.Sin(x), op.Cos(x))),
  Sinh: mapped(({ op }, x) => op.Mul(op.Sub(op.Exp(x), op.Exp(op.Neg(x))), 0.5)),
  Cosh: mapped(({ op }, x) => op.Mul(op.Add(op.Exp(x), op.Exp(op.Neg(x))), 0.5)),
};
