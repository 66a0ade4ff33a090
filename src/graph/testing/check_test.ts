/** The comparing helpers must fail when there is something to find. */
import assert from "node:assert/strict";
import type { GraphBuilder } from "../build/builder.ts";
import { assertClose, assertGradients, weightedSum } from "./check.ts";
import type { OpDef } from "../ir/ir.ts";
import { opDef } from "../ops/mod.ts";
import { Random } from "../../tensor/random.ts";
import { tensor } from "../../tensor/tensor.ts";

Deno.test("assertClose() passes within the tolerance and for equal non-finite elements", () => {
  assertClose([1, NaN, Infinity, 100], [1.0009, NaN, Infinity, 100.09], { rtol: 1e-3, what: "y" });
  assertClose([0], [1e-9], { atol: 1e-8, what: "y" });
});

Deno.test("assertClose() names the worst element and counts the others", () => {
  assert.throws(() => assertClose([1, 2.5, 3.01, 4], [1, 2, 3, 4], { rtol: 0, atol: 0.001, what: "y" }), {
    name: "RangeError",
    message:
      "y: 2 of 4 elements beyond rtol 0, atol 0.001; worst is [1]: expected 2, got 2.5 (500 times the tolerance)",
  });
});

Deno.test("assertClose() fails on NaN, on an infinity of the other sign and on missing elements", () => {
  assert.throws(() => assertClose([0, NaN], [0, 1], { atol: 9, what: "y" }), /worst is \[1\]: expected 1, got NaN/);
  assert.throws(() => assertClose([0], [NaN], { atol: 9, what: "y" }), /expected NaN, got 0/);
  assert.throws(() => assertClose([-Infinity], [Infinity], { rtol: 1, what: "y" }), /expected Infinity, got -Infinity/);
  assert.throws(() => assertClose([1], [1, 2], { what: "y" }), /y: expected 2 elements, got 1/);
});

const sine = (b: GraphBuilder) => {
  const x = b.input("x", { dtype: "float64", shape: [4] });
  return { loss: weightedSum(b, b.op.Sin(x), new Random("weights")), wanted: [x] };
};
const at = { x: tensor("float64", [4], [0.3, -1.2, 2, 0.7]) };

Deno.test("assertGradients() accepts a right rule", () => {
  assertGradients({ build: sine, at }, { random: new Random(1), what: "Sin" });
});

Deno.test("assertGradients() catches a rule that is wrong in one element of four by one part in a thousand", () => {
  const record = opDef("Sin") as { vjp: OpDef<"Sin">["vjp"] };
  const right = record.vjp;
  record.vjp = (op, { x: [x] }, dy) => [
    op.Mul(dy, op.Mul(op.Cos(x), tensor("float64", [4], [1, 1, 1.001, 1]))),
  ];
  try {
    assert.throws(
      () => assertGradients({ build: sine, at }, { random: new Random(1), what: "Sin" }),
      /Sin, gradient of x: 3 of 3 elements beyond rtol 0.00001, atol .*; worst is \[\d\]: expected -?\d.*, got -?\d/,
    );
  } finally {
    record.vjp = right;
  }
});
