/** Compares numbers in tests: values with expected ones, gradients with differences. */
import { gradients } from "../autodiff.ts";
import { GraphBuilder } from "../build/builder.ts";
import { evaluate } from "../reference/evaluate.ts";
import type { Value } from "../ir/ir.ts";
import type { Random } from "../../tensor/random.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../tensor/tensor.ts";

/** Allowed error of an element: `rtol·|expected| + atol`. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

/**
 * Asserts that two lists of numbers agree element by element; NaN agrees with NaN, an infinity with itself.
 * @throws {RangeError} naming the worst element and how many are beyond the tolerance
 */
export function assertClose(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  { rtol = 0, atol = 0, what }: Tolerance & { readonly what: string },
): void {
  if (actual.length !== expected.length) {
    throw new RangeError(`${what}: expected ${expected.length} elements, got ${actual.length}`);
  }
  let worst = -1, excess = 1, beyond = 0;
  for (let i = 0; i < actual.length; i++) {
    const a = Number(actual[i]), e = Number(expected[i]);
    if (Object.is(a, e) || a === e) continue;
    const ratio = Math.abs(a - e) / (rtol * Math.abs(e) + atol);
    if (ratio <= 1) continue;
    beyond++;
    if (worst < 0 || !(ratio <= excess)) [worst, excess] = [i, ratio];
  }
  if (beyond === 0) return;
  throw new RangeError(
    `${what}: ${beyond} of ${actual.length} elements beyond rtol ${rtol}, atol ${atol}; worst is [${worst}]: ` +
      `expected ${expected[worst]}, got ${actual[worst]} (${excess.toPrecision(3)} times the tolerance)`,
  );
}

/** A scalar function of inputs, as nodes of a builder. */
export interface Differentiable {
  readonly build: (b: GraphBuilder) => { readonly loss: Value; readonly wanted: readonly Value[] };
  /** Where to differentiate. */
  readonly at: Readonly<Record<string, Tensor>>;
}

/**
 * Asserts that `gradients` of a float64 loss agree with central differences of fourth order along random directions,
 * each wanted input by itself.
 * @throws {RangeError} naming the worst direction of the first input that disagrees
 */
export function assertGradients(
  { build, at }: Differentiable,
  { random, rtol = 1e-5, step = 1e-3, directions = 3, what }: {
    readonly random: Random;
    readonly rtol?: number;
    readonly step?: number;
    readonly directions?: number;
    readonly what: string;
  },
): void {
  const b = new GraphBuilder();
  const { loss, wanted } = build(b);
  const dxs = gradients(b, loss, wanted);
  const graph = b.build("gradients", Object.fromEntries(dxs.map((dx, i) => [`dx${i}`, dx])));
  const forward = b.build("loss", { loss });
  const found = evaluate(graph, at);
  wanted.forEach((x, i) => {
    const dx = found[`dx${i}`].data;
    const where = Float64Array.from(toNumbers(at[x.name]));
    const slopes: number[] = [], differences: number[] = [], scales: number[] = [];
    for (let d = 0; d < directions; d++) {
      const u = where.map(() => random.normal());
      const lossAt = (t: number) =>
        evaluate(forward, { ...at, [x.name]: { shape: x.shape, data: where.map((v, j) => v + t * u[j]) } }).loss
          .data[0];
      const [near, far] = [step, 2 * step].map((h) => lossAt(h) - lossAt(-h));
      differences.push((8 * near - far) / (12 * step));
      slopes.push(dx.reduce((sum, g, j) => sum + g * u[j], 0));
      scales.push(dx.reduce((sum, g, j) => sum + Math.abs(g * u[j]), 0));
    }
    const atol = 1e-9 * Math.max(1, ...scales);
    assertClose(slopes, differences, { rtol, atol, what: `${what}, gradient of ${x.name}` });
  });
}

/** Σ y·w with seeded normal weights: a scalar whose gradient with respect to `y` differs everywhere. */
export function weightedSum(b: GraphBuilder, y: Value, random: Random): Value {
  const w = tensor(y.dtype, y.shape, Array.from({ length: sizeOf(y.shape) }, () => random.normal()));
  return b.op.ReduceSum(b.op.Mul(y, w), null, { keepdims: 0 });
}
