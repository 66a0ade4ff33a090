import assert from "node:assert/strict";
import { GraphBuilder, predictMemory } from "../mod.ts";
import { tensor } from "../../tensor/mod.ts";

const FLOATS = { dtype: "float32", shape: [1000] } as const;
const BYTES = 4000;

function graphOf(make: (b: GraphBuilder) => Parameters<GraphBuilder["build"]>[1]) {
  const b = new GraphBuilder();
  return b.build("hand-made", make(b));
}

Deno.test("predictMemory() counts what is there at once: a value goes after its last use", () => {
  const chain = predictMemory(graphOf((b) => ({ y: b.op.Neg(b.op.Exp(b.op.Sin(b.input("x", FLOATS)))) })));
  assert.equal(chain.valueBytes, 2 * BYTES);
  const kept = predictMemory(graphOf((b) => {
    const early = b.op.Sin(b.input("x", FLOATS));
    return { y: b.op.Add(b.op.Neg(b.op.Exp(early)), early) };
  }));
  assert.deepEqual([kept.valueBytes, kept.at], [3 * BYTES, "Neg_2"]);
});

Deno.test("predictMemory() lets outputs stay to the end, and Reshape and Identity share their input's buffer", () => {
  const outputs = predictMemory(graphOf((b) => {
    const x = b.input("x", FLOATS);
    return { first: b.op.Sin(x), second: b.op.Cos(x), third: b.op.Exp(x) };
  }));
  assert.equal(outputs.valueBytes, 3 * BYTES);
  const shared = predictMemory(graphOf((b) => {
    const grid = b.op.Identity(b.op.Reshape(b.op.Sin(b.input("x", FLOATS)), [10, 100]));
    return { y: b.op.Neg(b.op.Exp(grid)) };
  }));
  assert.equal(shared.valueBytes, 2 * BYTES);
});

Deno.test("predictMemory() follows the order in which ONNX Runtime runs, not the one of the file", () => {
  // the file lists four wide values before the first sum; they run one after the other
  const forecast = predictMemory(graphOf((b) => {
    const x = b.input("x", FLOATS);
    const wide = [1, 2, 3, 4].map((k) => b.op.Mul(x, k));
    return { y: wide.map((v) => b.op.ReduceSum(v, null, { keepdims: 0 })).reduce((a, v) => b.op.Add(a, v)) };
  }));
  assert.equal(forecast.valueBytes, BYTES + 2 * 4);
});

Deno.test("predictMemory() adds what is held: inputs, constants, a process", () => {
  const of = (inputs: number, constants: number) =>
    graphOf((b) => {
      const all = Array.from({ length: inputs }, (_, i) => b.input(`x${i}`, FLOATS));
      const fixed = Array.from({ length: constants }, () => b.constant(tensor("float32", [1000], Array(1000).fill(1))));
      return { y: [...all, ...fixed].reduce((a, v) => b.op.Add(a, v)) };
    });
  const peak = (inputs: number, constants: number) => predictMemory(of(inputs, constants)).peakBytes;
  assert.equal(peak(3, 1), peak(2, 2));
  assert.ok(peak(2, 2) > peak(2, 0) + 2 * BYTES);
  assert.ok(peak(2, 0) > 50e6 && peak(2, 0) < 150e6);
});

Deno.test("predictMemory() of a graph that gives one big output: it is copied for JavaScript", () => {
  const big = { dtype: "float32", shape: [100e6 / 4] } as const;
  const twice = predictMemory(graphOf((b) => ({ y: b.op.Sin(b.input("x", big)) })));
  assert.equal(twice.valueBytes, 100e6);
  assert.ok(twice.peakBytes > 300e6);
});
