/** Every operator's cases in float64: the inferred type and the gradient rule; and what operators refuse. */
import assert from "node:assert/strict";
import { gradients } from "../autodiff.ts";
import { GraphBuilder } from "../build/builder.ts";
import { assertClose, assertGradients, weightedSum } from "../testing/check.ts";
import { evaluate } from "../reference/evaluate.ts";
import { type Attrs, NO_GRADIENT, type OpName } from "../ir/ir.ts";
import { type Case, casesOf, OP_CASES, placeCase } from "./cases/mod.ts";
import { opDef } from "./mod.ts";
import { Random } from "../../tensor/random.ts";
import { type DType, isFloat, sizeOf, tensor } from "../../tensor/tensor.ts";

for (const op of Object.keys(OP_CASES) as OpName[]) {
  const names = casesOf(op).map((c) => c.shows);
  Deno.test(`${op} has cases with names of their own`, () => {
    assert.ok(names.length > 0);
    assert.equal(new Set(names).size, names.length);
  });
  for (const c of casesOf(op)) {
    Deno.test(`evaluate() of ${op} gives what was inferred: ${c.shows}`, () => {
      const b = new GraphBuilder();
      const { y, feeds } = placeCase(b, { op, c, dtype: "float64" });
      const { y: value } = evaluate(b.build(op, { y }), feeds);
      assert.deepEqual(value.shape, y.shape);
      assert.equal(value.data.length, sizeOf(y.shape));
      assert.ok(value.data.every(Number.isFinite), "expected finite elements");
    });
    Deno.test(`gradients() of ${op} agree with differences: ${c.shows}`, () => testGradients(op, c));
  }
}

function testGradients(op: OpName, c: Case<OpName>): void {
  const b = new GraphBuilder();
  const { y, wanted, feeds } = placeCase(b, { op, c, dtype: "float64" });
  if (!isFloat(y.dtype)) {
    assert.throws(() => gradients(b, y, wanted), { name: "TypeError", message: /expected a float scalar, got/ });
    return;
  }
  const dxs = (loss = b.op.ReduceSum(y, null, { keepdims: 0 })) => {
    const found = gradients(b, loss, wanted);
    return Object.values(evaluate(b.build(op, Object.fromEntries(found.map((v, i) => [i, v]))), feeds));
  };
  if (opDef(op).vjp === NO_GRADIENT) {
    for (const dx of dxs()) assert.ok(dx.data.every((v) => v === 0), "expected gradients of zero");
  } else if (c.kink !== undefined) {
    const found = dxs();
    c.kink.forEach((expected, i) => assertClose(found[i].data, expected, { what: `gradient ${i}` }));
  } else {
    const build = (b: GraphBuilder) => {
      const { y, wanted } = placeCase(b, { op, c, dtype: "float64" });
      return { loss: weightedSum(b, y, new Random(`${op}/${c.shows}/loss`)), wanted };
    };
    assertGradients({ build, at: feeds }, { random: new Random(`${op}/${c.shows}/directions`), what: op });
  }
}

Deno.test("the operators without a gradient are these", () => {
  const stops = (Object.keys(OP_CASES) as OpName[]).filter((op) => opDef(op).vjp === NO_GRADIENT);
  assert.equal(
    stops.sort().join(" "),
    "And ArgMax Ceil Equal Floor Greater GreaterOrEqual Less LessOrEqual Not Or Round Sign",
  );
});

Deno.test("Resize doubles 0…7 as docs/method F.3 says, by both corner rules", () => {
  for (
    const [rule, expected] of [["align_corners", [0, 1 / 3, 2 / 3, 1]], ["half_pixel", [0, 0.25, 0.75, 1]]] as const
  ) {
    const b = new GraphBuilder();
    const x = b.input("x", { dtype: "float64", shape: [1, 1, 2, 2, 2] });
    const y = b.op.Resize(x, null, null, [1, 1, 4, 4, 4], { mode: "linear", coordinate_transformation_mode: rule });
    const cube = tensor("float64", x.shape, [0, 1, 2, 3, 4, 5, 6, 7]);
    const { data } = evaluate(b.build("Resize", { y }), { x: cube }).y;
    assertClose(data.slice(0, 4), expected, { atol: 1e-9, what: rule });
  }
});

/** Shape strings such as "2,3" or "int64 2,3", attributes, and what the refusal says after "expected". */
const REFUSED: readonly (readonly [OpName, readonly (string | readonly number[] | null)[], Attrs, string])[] = [
  ["Add", ["2,3", "4"], {}, "shapes that broadcast, got [2,3] and [4]"],
  ["Add", ["3", "int64 3"], {}, "equal dtypes, got float32 and int64"],
  ["And", ["bool 3", "3"], {}, "bool, got float32[3]"],
  ["Sqrt", ["int64 3"], {}, "a float, got int64[3]"],
  ["Softmax", ["int64 3"], {}, "a float, got int64[3]"],
  ["Softmax", ["2,3"], { axis: 2 }, "an axis of a rank-2 tensor, got 2"],
  ["Gelu", ["3"], { approximate: "sigmoid" }, "approximate none or tanh, got sigmoid"],
  ["Clip", ["3", "1", null], {}, "scalar bounds of float32, got float32[1]"],
  ["PRelu", ["3", "2,3"], {}, "a slope that broadcasts to [3], got [2,3]"],
  ["Where", ["3", "3", "3"], {}, "a bool condition, got float32"],
  ["Where", ["bool 3", "3", "int64 3"], {}, "equal dtypes, got float32 and int64"],
  ["Cast", ["3"], {}, "attribute to, got none"],
  ["MatMul", ["2,3", "4,5"], {}, "[..., M, K] and [..., K, N], got float32[2,3] and float32[4,5]"],
  ["MatMul", ["3", "3,2"], {}, "[..., M, K] and [..., K, N], got float32[3] and float32[3,2]"],
  ["MatMul", ["2,2,3", "3,3,2"], {}, "shapes that broadcast, got [2] and [3]"],
  ["Gemm", ["2,3", "2,3", null], {}, "matrices [M, K] and [K, N], got [2,3] and [2,3]"],
  ["Gemm", ["2,3", "3,4", "2"], {}, "shapes that broadcast, got [2] and [2,4]"],
  ["Gemm", ["2,3", "3,4", "5,2,4"], {}, "a summand that broadcasts to [2,4], got [5,2,4]"],
  ["Conv", ["1,3,5", "2,2,3", null], {}, "x [N, C, …] and w [M, C/1, …], got float32[1,3,5] and float32[2,2,3]"],
  ["Conv", ["1,2,2", "2,2,3", null], {}, "x [N, C, …] and w [M, C/1, …], got float32[1,2,2] and float32[2,2,3]"],
  [
    "Conv",
    ["1,4,5", "3,2,3", null],
    { group: 2 },
    "x [N, C, …] and w [M, C/2, …], got float32[1,4,5] and float32[3,2,3]",
  ],
  ["Conv", ["1,2,5", "3,2,3", "2"], {}, "a bias float32[3], got float32[2]"],
  [
    "Conv",
    ["1,2,5", "3,2,3", null],
    { kernel_shape: [2] },
    "kernel [3], 1 strides, 1 dilations and 2 pads, got [2], [1], [1] and [0,0]",
  ],
  [
    "ConvTranspose",
    ["1,3,5", "2,2,3", null],
    {},
    "x [N, C, …] and w [C, M/1, …], got float32[1,3,5] and float32[2,2,3]",
  ],
  [
    "ConvTranspose",
    ["1,2,1", "2,2,1", null],
    { pads: [1, 0] },
    "an output of at least one voxel, got [0] for x [1,2,1], w [2,2,1]",
  ],
  ["ConvTranspose", ["1,2,4", "2,2,2", null], { output_padding: [1] }, "output padding below the strides [1], got [1]"],
  [
    "MaxPool",
    ["1,2,5,5"],
    { kernel_shape: [2] },
    "a window of 2 axes for [1,2,5,5], got kernel [2], strides [1], dilations [1], pads [0,0]",
  ],
  ["MaxPool", ["1,2,5"], { kernel_shape: [2], pads: [2, 0] }, "pads smaller than the window [2], got [2,0]"],
  ["AveragePool", ["1,2,2"], { kernel_shape: [3] }, "an input larger than the window, got [1,2,2]"],
  ["LayerNormalization", ["2,3,4", "12", null], { axis: 1 }, "scale and bias float32[3,4], got float32[12]"],
  ["InstanceNormalization", ["2,3,4", "3", "2"], {}, "per-channel vectors float32[3] for [2,3,4], got float32[2]"],
  ["BatchNormalization", ["2,3", "3", "3", "3", "1"], {}, "per-channel vectors float32[3] for [2,3], got float32[1]"],
  ["ReduceSum", ["2,3", [2]], {}, "an axis of a rank-2 tensor, got 2"],
  ["ReduceSum", ["2,3", [1, -1]], {}, "distinct axes, got [1,-1]"],
  ["ReduceSum", ["2,3", "int64 1"], {}, "constant axes, got a computed value"],
  ["Resize", ["1,2,3", null, null, [1, 2]], {}, "3 positive sizes for [1,2,3], got [1,2]"],
  ["Resize", ["1,3", null, null, [1, 6]], { mode: "cubic" }, "mode nearest, linear, got cubic"],
  ["Reshape", ["2,3", [4, 2]], {}, "a shape of 6 elements for [2,3], got [4,2]"],
  ["Reshape", ["2,3", [-1, -1]], {}, "a shape of 6 elements for [2,3], got [-1,-1]"],
  ["Transpose", ["2,3"], { perm: [0, 2] }, "a permutation of 2 axes, got [0,2]"],
  ["Concat", ["2,3", "3,4"], { axis: 1 }, "equal dims but for axis 1, got [2,3] [3,4]"],
  ["Slice", ["5", [0], [5], [0], [0]], {}, "a non-zero step, got 0"],
  ["Slice", ["5,5", [0, 1], [5], null, null], {}, "lists of 2 numbers as starts, got 5; 0,1; 1,1"],
  ["Pad", ["2,3", [1, 1], null], {}, "4 pads for [2,3], got 2"],
  ["Pad", ["3", [3, 0], null], { mode: "reflect" }, "pads that suit [3] in mode reflect, got [3,0]"],
  ["Pad", ["3", [1, 0], null], { mode: "wrap" }, "mode constant, edge or reflect, got wrap"],
  ["Expand", ["2,3", [4]], {}, "shapes that broadcast, got [2,3] and [4]"],
  ["Tile", ["2,3", [2]], {}, "2 positive repeats for [2,3], got [2]"],
  ["Gather", ["2,3", "2"], {}, "int64 or int32 indices, got float32[2]"],
  ["Gather", ["2,3", [2]], {}, "indices of an axis of 2, got 2"],
];

for (const [op, inputs, attrs, expected] of REFUSED) {
  Deno.test(`${op} refuses ${inputs.map((v) => `[${v}]`).join(" ")} ${JSON.stringify(attrs)}`, () => {
    const b = new GraphBuilder();
    const values = inputs.map((spec, i) => {
      if (spec === null) return null;
      if (typeof spec !== "string") return b.literal("int64", spec);
      const [dims, dtype = "float32"] = spec.split(" ").reverse();
      return b.input(`x${i}`, { dtype: dtype as DType, shape: dims.split(",").map(Number) });
    });
    assert.throws(() => b.add(op, values, attrs), { message: `Cannot apply ${op}: expected ${expected}` });
  });
}
