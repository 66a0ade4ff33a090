import assert from "node:assert/strict";
import { evaluate, gradients, GraphBuilder, type Ops, type Value } from "../../graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import {
  binaryCrossEntropy,
  crossEntropy,
  diceAndCrossEntropy,
  meanSquaredError,
  softDice,
  symmetricContrast,
} from "./losses.ts";

type Loss = (op: Ops, a: Value, b: Value) => Value;

/** A loss of two tensors in float64. */
function lossOf(loss: Loss, [a, b]: readonly [Tensor, Tensor]): number {
  const builder = new GraphBuilder();
  const y = loss(builder.op, builder.input("a", a), builder.input("b", b));
  return evaluate(builder.build("loss", { y }), { a, b }).y.data[0];
}

/** A float64 tensor of f(0), f(1), … */
function filled(shape: readonly number[], f: (i: number) => number): Tensor {
  return tensor("float64", shape, Array.from({ length: sizeOf(shape) }, (_, i) => f(i)));
}

const features = [filled([3, 8], (i) => Math.sin(i)), filled([3, 8], (i) => Math.cos(0.5 * i))] as const;
const logits = filled([2, 3, 4, 4, 4], (i) => 2 * Math.sin(0.3 * i));
const labels = filled([2, 3, 4, 4, 4], (i) => Number(i % 5 === 0));

/** docs/method F.3. "EDice" there is the loss of one head: dice and cross-entropy summed over classes, over their number. */
const VECTORS: readonly (readonly [what: string, Loss, readonly [Tensor, Tensor], expected: number])[] = [
  ["contrast, T = 1", (op, a, b) => symmetricContrast(op, a, b, { temperature: 1 }), features, 1.1035404981366241],
  ["contrast, T = 0.1", (op, a, b) => symmetricContrast(op, a, b, { temperature: 0.1 }), features, 3.9663860527239527],
  ["0.7 dice + 0.3 BCE", diceAndCrossEntropy, [logits, labels], 0.7093658632358314],
  ["dice only", (op, a, b) => op.Div(softDice(op, a, b), 3), [logits, labels], 0.616302029440783],
];

Deno.test("losses in float64 are those of docs/method F.3 to 1e-9", () => {
  for (const [what, loss, pair, expected] of VECTORS) {
    assertClose([lossOf(loss, pair)], [expected], { atol: 1e-9, what });
  }
});

Deno.test("binaryCrossEntropy() and crossEntropy() are minus the logarithm of what the label had", () => {
  const s = (x: number) => 1 / (1 + Math.exp(-x));
  const x = tensor("float64", [1, 2, 1, 1, 2], [0.5, -1, 3, 0]), t = tensor("float64", [1, 2, 1, 1, 2], [1, 0, 0, 1]);
  const voxels = [s(0.5), 1 - s(-1), 1 - s(3), s(0)].map((p) => -Math.log(p));
  const expected = (voxels[0] + voxels[1]) / 2 + (voxels[2] + voxels[3]) / 2;
  assertClose([lossOf(binaryCrossEntropy, [x, t])], [expected], { atol: 1e-14, what: "binary" });

  const k = tensor("float64", [2, 3], [1, 2, 3, 0, 0, 0]), hot = tensor("float64", [2, 3], [0, 1, 0, 1, 0, 0]);
  const sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
  assertClose([lossOf(crossEntropy, [k, hot])], [(Math.log(sum) - 2 + Math.log(3)) / 2], {
    atol: 1e-14,
    what: "classes",
  });
});

Deno.test("losses of logits beyond every exponential are finite, and so are their gradients", () => {
  const far = tensor("float64", [1, 1, 1, 1, 2], [1000, -1000]), wrong = tensor("float64", [1, 1, 1, 1, 2], [0, 1]);
  const b = new GraphBuilder();
  const x = b.input("x", far);
  const y = binaryCrossEntropy(b.op, x, b.constant(wrong));
  const [dx] = gradients(b, y, [x]);
  const out = evaluate(b.build("far", { y, dx }), { x: far });
  assertClose([...out.y.data, ...out.dx.data], [1000, 0.5, -0.5], { atol: 1e-12, what: "loss and gradient" });
});

Deno.test("meanSquaredError() averages over every element and refuses other shapes", () => {
  const pair = [filled([2, 2], (i) => i), filled([2, 2], () => 1)] as const;
  assert.equal(lossOf(meanSquaredError, pair), (1 + 0 + 1 + 4) / 4);
  assert.throws(() => lossOf(meanSquaredError, [pair[0], filled([2], () => 0)]), {
    name: "RangeError",
    message: "Cannot compare: expected equal shapes, got [2,2] and [2]",
  });
});
