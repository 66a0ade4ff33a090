/** Elementwise operators: arithmetic, comparison, activations, Where, Cast. */
import { dtypeNumbered, dtypeOfOnnx, ONNX_DTYPES } from "../ir/dtypes.ts";
import { type InputInfo, NO_GRADIENT, type OpDef } from "../ir/ir.ts";
import { broadcastShapes, map, zip } from "../../tensor/ndarray.ts";
import { type DType, isFloat, sameShape, tensor, type TensorType } from "../../tensor/mod.ts";

/** The type of the input, which is a float. */
export function inferFloat([x]: readonly InputInfo[]): TensorType {
  if (!isFloat(x.dtype)) throw new TypeError(`expected a float, got ${x.dtype}[${x.shape}]`);
  return { dtype: x.dtype, shape: x.shape };
}

/** The type of the input, which may be an integer as well. */
function inferSame([x]: readonly InputInfo[]): TensorType {
  return { dtype: x.dtype, shape: x.shape };
}

/** All operators of one input without attributes have one type, and so have those of two. */
type Unary = OpDef<"Abs">;
type Binary = OpDef<"Add">;

function unary(f: (v: number) => number, vjp: Unary["vjp"], infer = inferFloat): Unary {
  return { infer, vjp, evaluate: ([x]) => map(f, x) };
}

function inferBinary([a, b]: readonly InputInfo[]): TensorType {
  if (a.dtype !== b.dtype) throw new TypeError(`expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
  return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
}

function binary(f: (a: number, b: number) => number, vjp: Binary["vjp"]): Binary {
  return { infer: inferBinary, vjp, evaluate: ([a, b]) => zip((p, q) => f(p, q), a, b) };
}

function inferLogical(inputs: readonly InputInfo[]): TensorType {
  const other = inputs.find((i) => i.dtype !== "bool");
  if (other !== undefined) throw new TypeError(`expected bool, got ${other.dtype}[${other.shape}]`);
  return { dtype: "bool", shape: broadcastShapes(...inputs.map((i) => i.shape)) };
}

function predicate(f: (a: number, b: number) => boolean, infer = inferBinary): Binary {
  return {
    infer: (inputs) => ({ ...infer(inputs), dtype: "bool" }),
    vjp: NO_GRADIENT,
    evaluate: ([a, b]) => zip((p, q) => Number(f(p, q)), a, b),
  };
}

/** erf to double precision: Maclaurin series near zero, continued fraction of erfc beyond. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return sum * 2 / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

const GELU_TANH = Math.sqrt(2 / Math.PI);

function castNumber(v: number, to: DType): number {
  if (to === "bool") return Number(v !== 0);
  if (to === "uint8") return Math.trunc(v) & 255;
  return isFloat(to) ? v : Math.trunc(v);
}

function roundHalfEven(v: number): number {
  const r = Math.round(v);
  return Math.abs(v - Math.trunc(v)) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

export const ELEMENTWISE_OPS = {
  // y = |x|, dx = dy·sign(x)
  Abs: unary(Math.abs, (op, { x: [x] }, dy) => [op.Mul(dy, op.Sign(x))], inferSame),
  Ceil: unary(Math.ceil, NO_GRADIENT),
  // y = cos(x), dx = −dy·sin(x)
  Cos: unary(Math.cos, (op, { x: [x] }, dy) => [op.Neg(op.Mul(dy, op.Sin(x)))]),
  // y = erf(x), dx = dy·2/√π·exp(−x²)
  Erf: unary(
    erf,
    (op, { x: [x] }, dy) => [op.Mul(dy, op.Mul(op.Exp(op.Neg(op.Mul(x, x))), 2 / Math.sqrt(Math.PI)))],
  ),
  // y = exp(x), dx = dy·y
  Exp: unary(Math.exp, (op, { y }, dy) => [op.Mul(dy, y)]),
  Floor: unary(Math.floor, NO_GRADIENT),
  // y = x·min(max(x/6 + ½, 0), 1), dx = dy·(h + x/6 where −3 < x < 3)
  HardSwish: unary(
    (v) => v * Math.min(Math.max(v / 6 + 0.5, 0), 1),
    (op, { x: [x] }, dy) => {
      const inside = op.And(op.Greater(x, -3), op.Less(x, 3));
      const slope = op.Where(inside, op.Div(x, 6), 0);
      return [op.Mul(dy, op.Add(op.HardSigmoid(x, { alpha: 1 / 6, beta: 0.5 }), slope))];
    },
  ),
  Identity: unary((v) => v, (_op, _c, dy) => [dy], inferSame),
  // y = ln(x), dx = dy/x
  Log: unary(Math.log, (op, { x: [x] }, dy) => [op.Div(dy, x)]),
  Neg: unary((v) => -v, (op, _c, dy) => [op.Neg(dy)], inferSame),
  // y = 1/x, dx = −dy·y²
  Reciprocal: unary((v) => 1 / v, (op, { y }, dy) => [op.Neg(op.Mul(dy, op.Mul(y, y)))]),
  // y = max(x, 0), dx = dy where y > 0
  Relu: unary((v) => Math.max(v, 0), (op, { y }, dy) => [op.Where(op.Greater(y, 0), dy, 0)]),
  Round: unary(roundHalfEven, NO_GRADIENT),
  // y = σ(x), dx = dy·y·(1 − y)
  Sigmoid: unary(
    (v) => 1 / (1 + Math.exp(-v)),
    (op, { y }, dy) => [op.Mul(dy, op.Mul(y, op.Sub(1, y)))],
  ),
  Sign: unary(Math.sign, NO_GRADIENT, inferSame),
  // y = sin(x), dx = dy·cos(x)
  Sin: unary(Math.sin, (op, { x: [x] }, dy) => [op.Mul(dy, op.Cos(x))]),
  // y = ln(1 + eˣ), dx = dy·σ(x)
  Softplus: unary(
    (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
    (op, { x: [x] }, dy) => [op.Mul(dy, op.Sigmoid(x))],
  ),
  // y = √x, dx = dy / 2y
  Sqrt: unary(Math.sqrt, (op, { y }, dy) => [op.Div(dy, op.Mul(y, 2))]),
  // y = tanh(x), dx = dy·(1 − y²)
  Tanh: unary(Math.tanh, (op, { y }, dy) => [op.Mul(dy, op.Sub(1, op.Mul(y, y)))]),
  Not: {
    infer: inferLogical,
    vjp: NO_GRADIENT,
    evaluate: ([x]) => map((v) => Number(v === 0), x),
  } satisfies OpDef<"Not">,

  Add: binary((a, b) => a + b, (_op, _c, dy) => [dy, dy]),
  Sub: binary((a, b) => a - b, (op, _c, dy) => [dy, op.Neg(dy)]),
  Mul: binary((a, b) => a * b, (op, { x: [a, b] }, dy) => [op.Mul(dy, b), op.Mul(dy, a)]),
  // y = a/b (integers towards zero), da = dy/b, db = −dy·y/b
  Div: {
    infer: inferBinary,
    vjp: (op, { x: [, b], y }, dy) => {
      const da = op.Div(dy, b);
      return [da, op.Neg(op.Mul(da, y))];
    },
    evaluate: ([a, b], _a, { dtype }) => zip((p, q) => isFloat(dtype) ? p / q : Math.trunc(p / q), a, b),
  } satisfies OpDef<"Div">,
  // y = aᵇ, da = dy·b·aᵇ⁻¹, db = dy·y·ln(a)
  Pow: binary(Math.pow, (op, { x: [a, b], y }, dy) => [
    op.Mul(dy, op.Mul(b, op.Pow(a, op.Sub(b, 1)))),
    op.Mul(dy, op.Mul(y, op.Log(a))),
  ]),
  // y = max(a, b): dy goes to the larger, half to each on a tie
  Max: binary(Math.max, (op, { x: [a, b], y }, dy) => {
    const share = op.Add(
      op.Cast(op.Greater(a, b), { to: ONNX_DTYPES[y.dtype] }),
      op.Mul(op.Cast(op.Equal(a, b), { to: ONNX_DTYPES[y.dtype] }), 0.5),
    );
    return [op.Mul(dy, share), op.Mul(dy, op.Sub(1, share))];
  }),
  // y = min(a, b): dy goes to the smaller, half to each on a tie
  Min: binary(Math.min, (op, { x: [a, b], y }, dy) => {
    const share = op.Add(
      op.Cast(op.Less(a, b), { to: ONNX_DTYPES[y.dtype] }),
      op.Mul(op.Cast(op.Equal(a, b), { to: ONNX_DTYPES[y.dtype] }), 0.5),
    );
    return [op.Mul(dy, share), op.Mul(dy, op.Sub(1, share))];
  }),

  And: predicate((a, b) => a !== 0 && b !== 0, inferLogical),
  Or: predicate((a, b) => a !== 0 || b !== 0, inferLogical),
  Equal: predicate((a, b) => a === b),
  Greater: predicate((a, b) => a > b),
  GreaterOrEqual: predicate((a, b) => a >= b),
  Less: predicate((a, b) => a < b),
  LessOrEqual: predicate((a, b) => a <= b),

  // y = c ? a : b; da = dy where c, db = dy elsewhere
  Where: {
    infer: ([c, a, b]) => {
      if (c.dtype !== "bool") throw new TypeError(`expected a bool condition, got ${c.dtype}`);
      if (a.dtype !== b.dtype) throw new TypeError(`expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
      return { dtype: a.dtype, shape: broadcastShapes(c.shape, a.shape, b.shape) };
    },
    vjp: (op, { x: [c] }, dy) => [null, op.Where(c, dy, 0), op.Where(c, 0, dy)],
    evaluate: ([c, a, b]) => zip((p, q, r) => (p !== 0 ? q : r), c, a, b),
  } satisfies OpDef<"Where">,

  // y = min(max(x, lo), hi): dx = dy where lo ≤ x ≤ hi, dlo = Σ dy where x < lo, dhi = Σ dy where x > hi
  Clip: {
    infer: ([x, ...bounds]) => {
      const wrong = bounds.find((v) => v != null && (v.dtype !== x.dtype || v.shape.length > 0));
      if (wrong != null) {
        throw new TypeError(`expected scalar bounds of ${x.dtype}, got ${wrong.dtype}[${wrong.shape}]`);
      }
      return { dtype: x.dtype, shape: x.shape };
    },
    vjp: (op, { x: [x, lo, hi] }, dy) => {
      const above = lo == null ? null : op.GreaterOrEqual(x, lo);
      const below = hi == null ? null : op.LessOrEqual(x, hi);
      const inside = above !== null && below !== null ? op.And(above, below) : above ?? below;
      return [
        inside === null ? dy : op.Where(inside, dy, 0),
        lo == null ? null : op.Where(op.Less(x, lo), dy, 0),
        hi == null ? null : op.Where(op.Greater(x, hi), dy, 0),
      ];
    },
    evaluate: ([x, lo, hi]) => map((v) => Math.min(Math.max(v, lo?.data[0] ?? -Infinity), hi?.data[0] ?? Infinity), x),
  } satisfies OpDef<"Clip">,

  // y = x where x ≥ 0, α·x elsewhere; dx likewise. For α > 0 the sign of y is that of x, so x need not be kept
  LeakyRelu: {
    attrs: ({ alpha = 0.01 }) => ({ alpha }),
    infer: inferFloat,
    // times on a CPU: choosing between dy and α·dy 1, between two scalars ½, clipping 0 and 1 to them ¼
    vjp: (op, { x: [x], y, attrs: { alpha } }, dy) => {
      const [one, slope] = [1, alpha].map((value) => tensor(x.dtype, [], [value]));
      const isPositive = op.GreaterOrEqual(alpha > 0 ? y : x, 0);
      const choice = alpha >= 0 && alpha <= 1
        ? op.Clip(op.Cast(isPositive, { to: ONNX_DTYPES[x.dtype] }), slope, one)
        : op.Where(isPositive, one, slope);
      return [op.Mul(dy, choice)];
    },
    evaluate: ([x], { alpha }) => map((v) => (v >= 0 ? v : alpha * v), x),
  } satisfies OpDef<"LeakyRelu">,

  // y = x where x ≥ 0, slope·x elsewhere; dslope = Σ dy·x where x < 0
  PRelu: {
    infer: (inputs) => {
      const [x, slope] = inputs, y = inferBinary(inputs);
      if (!sameShape(y.shape, x.shape)) {
        throw new RangeError(`expected a slope that broadcasts to [${x.shape}], got [${slope.shape}]`);
      }
      return y;
    },
    vjp: (op, { x: [x, slope] }, dy) => {
      const positive = op.GreaterOrEqual(x, 0);
      return [op.Where(positive, dy, op.Mul(dy, slope)), op.Where(positive, 0, op.Mul(dy, x))];
    },
    evaluate: ([x, slope]) => zip((v, s) => (v >= 0 ? v : s * v), x, slope),
  } satisfies OpDef<"PRelu">,

  // y = x where x ≥ 0, α(eˣ − 1) elsewhere; dx = dy where x ≥ 0, dy·(y + α) elsewhere
  Elu: {
    attrs: ({ alpha = 1 }) => ({ alpha }),
    infer: inferFloat,
    vjp: (op, { x: [x], y, attrs: { alpha } }, dy) => [
      op.Where(op.GreaterOrEqual(x, 0), dy, op.Mul(dy, op.Add(y, alpha))),
    ],
    evaluate: ([x], { alpha }) => map((v) => (v >= 0 ? v : alpha * Math.expm1(v)), x),
  } satisfies OpDef<"Elu">,

  // y = min(max(αx + β, 0), 1); dx = α·dy where 0 < y < 1
  HardSigmoid: {
    attrs: ({ alpha = 0.2, beta = 0.5 }) => ({ alpha, beta }),
    infer: inferFloat,
    vjp: (op, { y, attrs: { alpha } }, dy) => [
      op.Where(op.And(op.Greater(y, 0), op.Less(y, 1)), op.Mul(dy, alpha), 0),
    ],
    evaluate: ([x], { alpha, beta }) => map((v) => Math.min(Math.max(alpha * v + beta, 0), 1), x),
  } satisfies OpDef<"HardSigmoid">,

  // none: y = x·Φ(x), dx = dy·(Φ(x) + x·φ(x));  tanh: y = ½x(1 + t), t = tanh(√(2/π)(x + 0.044715x³))
  Gelu: {
    attrs: ({ approximate = "none" }) => {
      if (approximate !== "none" && approximate !== "tanh") {
        throw new TypeError(`expected approximate none or tanh, got ${approximate}`);
      }
      return { approximate };
    },
    infer: inferFloat,
    vjp: (op, { x: [x], attrs: { approximate } }, dy) => {
      const x2 = op.Mul(x, x);
      if (approximate === "none") {
        const cdf = op.Mul(op.Add(op.Erf(op.Mul(x, Math.SQRT1_2)), 1), 0.5);
        const pdf = op.Mul(op.Exp(op.Mul(x2, -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [op.Mul(dy, op.Add(cdf, op.Mul(x, pdf)))];
      }
      const t = op.Tanh(op.Mul(op.Mul(x, op.Add(op.Mul(x2, 0.044715), 1)), GELU_TANH));
      const dt = op.Mul(op.Sub(1, op.Mul(t, t)), op.Mul(op.Add(op.Mul(x2, 3 * 0.044715), 1), GELU_TANH));
      return [op.Mul(dy, op.Mul(op.Add(op.Add(t, 1), op.Mul(x, dt)), 0.5))];
    },
    evaluate: ([x], { approximate }) =>
      map(
        (v) =>
          approximate === "none"
            ? 0.5 * v * (1 + erf(v * Math.SQRT1_2))
            : 0.5 * v * (1 + Math.tanh(GELU_TANH * (v + 0.044715 * v ** 3))),
        x,
      ),
  } satisfies OpDef<"Gelu">,

  // dx = dy cast back
  Cast: {
    attrs: ({ to }) => {
      if (to === undefined) throw new TypeError("expected attribute to, got none");
      return { to };
    },
    infer: ([x], { to }) => ({ dtype: dtypeNumbered(to) ?? dtypeOfOnnx(to), shape: x.shape }),
    vjp: (op, { x: [x] }, dy) => [isFloat(x.dtype) ? op.Cast(dy, { to: ONNX_DTYPES[x.dtype] }) : null],
    evaluate: ([x], _, { dtype }) => map((v) => castNumber(v, dtype), x),
  } satisfies OpDef<"Cast">,
};
