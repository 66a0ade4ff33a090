import assert from "node:assert/strict";
import { GraphBuilder } from "./builder.ts";
import { print } from "./print.ts";
import { tensor } from "../../tensor/tensor.ts";

Deno.test("print() shows one line for each input, large constant and node", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 8] });
  const w = b.constant(tensor("float32", [4, 2, 3], new Float32Array(24)), "stem.weight");
  const h = op.Conv(x, w, null, { strides: [2] });
  const cut = op.Slice(op.Mul(h, 0.5), [0], [2], [2], [1]);
  const picked = op.Gather(cut, tensor("int64", [], [1]), { axis: 1 });
  const mask = op.Cast(op.Greater(picked, 0), { to: 7 });
  const graph = b.build("demo", { mask, large: op.Resize(cut, null, null, [1, 4, 4], {}) });
  assert.equal(
    print(graph),
    `graph demo -> %mask, %large
input %x: float32[1,2,8]
const %stem.weight: float32[4,2,3]
%Conv_0: float32[1,4,3] = Conv(%x, %stem.weight) {strides=[2]}
%Mul_2: float32[1,4,3] = Mul(%Conv_0, 0.5)
%Slice_6: float32[1,4,2] = Slice(%Mul_2, [0], [2], [2], [1])
%Gather_8: float32[1,2] = Gather(%Slice_6, 1) {axis=1}
%Greater_10: bool[1,2] = Greater(%Gather_8, 0)
%mask: int64[1,2] = Cast(%Greater_10) {to=7}
%large: float32[1,4,4] = Resize(%Slice_6, _, _, [1, 4, 4])
`,
  );
});

Deno.test("print() leaves out attributes only at their default", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 1, 8] });
  const text = (epsilon: number) =>
    print(
      b.build("g", {
        y: b.op.InstanceNormalization(x, tensor("float32", [1], [1]), tensor("float32", [1], [0]), { epsilon }),
      }),
    );
  assert.match(text(1e-5), /InstanceNormalization\([^)]*\)\n/);
  assert.match(text(1e-6), /InstanceNormalization\([^)]*\) {epsilon=0.000001}\n/);
});
