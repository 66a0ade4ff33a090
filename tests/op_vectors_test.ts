/** The float64 reference against PyTorch and ONNX's reference implementation; made by `scripts/fixtures/op_vectors.py`. */
import assert from "node:assert/strict";
import { evaluate, gradients, GraphBuilder, type OpName } from "../src/graph/mod.ts";
import { NO_GRADIENT } from "../src/graph/ir/ir.ts";
import { opDef } from "../src/graph/ops/mod.ts";
import { sizeOf, tensor } from "../src/tensor/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { casesOf, OP_CASES, placeCase } from "../src/graph/ops/cases/mod.ts";
import vectors from "./fixtures/op_vectors.json" with { type: "json" };

interface Vector {
  readonly source: string;
  readonly shape: readonly number[];
  /** Elements at even distances, separated by spaces. */
  readonly values: string;
  /** Σ yᵢ·cos(i). */
  readonly sum: number;
  /** The same of PyTorch's gradients of that sum, by float input. */
  readonly slopes?: readonly { readonly values: string; readonly sum: number }[];
  /** PyTorch's gradients of Σ y, for cases at a kink. */
  readonly gradients?: readonly (readonly number[])[];
}

const VECTORS: Readonly<Record<string, Vector>> = vectors;

/** ONNX holds attributes such as `alpha` as float32. */
const TOLERANCE: Readonly<Record<string, number>> = { torch: 1e-9, onnx: 1e-6 };

const CASES = (Object.keys(OP_CASES) as OpName[]).flatMap((op) => casesOf(op).map((c) => ({ op, c })));

for (const { op, c } of CASES) {
  const expected = VECTORS[`${op}/${c.shows}`];
  if (expected === undefined) continue;
  Deno.test(`evaluate() of ${op} agrees with ${expected.source}: ${c.shows}`, () => {
    const b = new GraphBuilder();
    const placed = placeCase(b, { op, c, dtype: "float64" });
    const y = evaluate(b.build(op, { y: placed.y }), placed.feeds).y;
    assert.deepEqual(y.shape, expected.shape);
    assertSummary(y.data, expected, { rtol: TOLERANCE[expected.source], what: "y" });
    // PyTorch also has gradients of constant operands, which follow
    c.kink?.forEach((dx, i) => assert.deepEqual(dx, expected.gradients?.[i], "gradients at the kink"));
  });
}

/** Elements at even distances and a weighted sum of all. */
function assertSummary(
  data: Float64Array,
  expected: { readonly values: string; readonly sum: number },
  { rtol, what }: { rtol: number; what: string },
): void {
  const step = Math.max(1, Math.ceil(data.length / 16));
  const values = expected.values.split(" ").map(Number);
  assertClose(data.filter((_, i) => i % step === 0), values, { rtol, atol: rtol, what: `elements of ${what}` });
  const sum = data.reduce((s, v, i) => s + v * Math.cos(i), 0);
  const scale = data.reduce((s, v) => s + Math.abs(v), 0);
  assertClose([sum], [expected.sum], { atol: rtol * (1 + scale), what: `weighted sum of ${what}` });
}

for (const { op, c } of CASES) {
  const { slopes } = VECTORS[`${op}/${c.shows}`] ?? {};
  if (slopes === undefined) continue;
  Deno.test(`gradients() of ${op} agree with PyTorch's: ${c.shows}`, () => {
    const b = new GraphBuilder();
    const { y, wanted, feeds } = placeCase(b, { op, c, dtype: "float64" });
    const waves = tensor("float64", y.shape, Array.from({ length: sizeOf(y.shape) }, (_, i) => Math.cos(i)));
    const loss = b.op.ReduceSum(b.op.Mul(y, waves), null, { keepdims: 0 });
    const found = gradients(b, loss, wanted);
    const all = evaluate(b.build(op, Object.fromEntries(found.map((v, i) => [`dx${i}`, v]))), feeds);
    assert.equal(found.length, slopes.length);
    slopes.forEach((slope, i) => assertSummary(all[`dx${i}`].data, slope, { rtol: 1e-9, what: `gradient ${i}` }));
  });
}

Deno.test("PyTorch's gradients are known of these operators", () => {
  const known = new Set(CASES.flatMap(({ op, c }) => VECTORS[`${op}/${c.shows}`]?.slopes ? [op] : []));
  const others = (Object.keys(OP_CASES) as OpName[]).filter((op) => !known.has(op) && opDef(op).vjp !== NO_GRADIENT);
  assert.deepEqual(others, ["Identity", "Cast"]);
});

Deno.test("the vectors cover all cases", () => {
  const names = CASES.map(({ op, c }) => `${op}/${c.shows}`);
  assert.deepEqual(names.filter((n) => VECTORS[n] === undefined), []);
  assert.deepEqual(Object.keys(VECTORS).filter((n) => !names.includes(n)), []);
});
