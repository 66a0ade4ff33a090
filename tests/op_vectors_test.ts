/** The float64 reference against PyTorch and ONNX's reference implementation; made by `scripts/fixtures/op_vectors.py`. */
import assert from "node:assert/strict";
import { evaluate, GraphBuilder, type OpName } from "../src/graph/mod.ts";
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
    const step = Math.max(1, Math.ceil(y.data.length / 16));
    const rtol = TOLERANCE[expected.source];
    const values = expected.values.split(" ").map(Number);
    assertClose(y.data.filter((_, i) => i % step === 0), values, { rtol, atol: rtol, what: "elements" });
    const sum = y.data.reduce((s, v, i) => s + v * Math.cos(i), 0);
    const scale = y.data.reduce((s, v) => s + Math.abs(v), 0);
    assertClose([sum], [expected.sum], { atol: rtol * (1 + scale), what: "weighted sum" });
    // PyTorch also has gradients of constant operands, which follow
    c.kink?.forEach((dx, i) => assert.deepEqual(dx, expected.gradients?.[i], "gradients at the kink"));
  });
}

Deno.test("the vectors cover all cases except those that neither library runs", () => {
  const names = CASES.map(({ op, c }) => `${op}/${c.shows}`);
  assert.deepEqual(names.filter((n) => VECTORS[n] === undefined), ["Pad/edge, shifted", "Pad/reflect, shifted"]);
  assert.deepEqual(Object.keys(VECTORS).filter((n) => !names.includes(n)), []);
});
