import assert from "node:assert/strict";
import { evaluate, gradients, GraphBuilder, lower, type Ops, type Value } from "../mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { WHOLE_ROUNDING } from "./rounding.ts";

/** x + c(round(x) − x) in steps of 1/fine; `other` is added in place of x. */
function rounded(op: Ops, x: Value, { fine = 2 ** 30, other = x }: { fine?: number; other?: Value } = {}): Value {
  return op.Add(other, op.Mul(op.Round(op.Mul(op.Sub(op.Round(x), x), fine)), 1 / fine));
}

const X = tensor("float32", [5], [-1.5, 0.5, 0.7, 1e-9, 100.25]);

function build(make: (op: Ops, x: Value) => Value) {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [5] });
  const y = make(b.op, x);
  const [dx] = gradients(b, b.op.ReduceSum(b.op.Mul(y, y), null, { keepdims: 0 }), [x]);
  const { graph, reports } = lower(b.build("g", { y, dx }), { passes: [WHOLE_ROUNDING] });
  return { graph, fired: reports[0].fired, out: evaluate(graph, { x: X }) };
}

Deno.test("whole-rounding leaves one Round, and the gradient of what is rounded", () => {
  const { graph, fired, out } = build((op, x) => rounded(op, x));
  assert.equal(fired, 1);
  assert.equal(graph.nodes.filter((n) => n.op === "Round").length, 1);
  assert.deepEqual([...out.y.data], [-2, 0, 1, 0, 100]);
  assert.deepEqual([...out.dx.data], [-4, 0, 2, 0, 200]);
});

Deno.test("whole-rounding leaves other sums alone", () => {
  assert.equal(build((op, x) => rounded(op, x, { fine: 4 })).fired, 0);
  const { out } = build((op, x) => rounded(op, x, { other: op.Mul(x, 2) }));
  assert.deepEqual([...out.y.data].map((v) => Math.round(v * 1e6) / 1e6), [-3.5, 0.5, 1.7, 0, 200.25]);
});
