import assert from "node:assert/strict";
import { GraphBuilder } from "../build/builder.ts";
import { assertClose } from "../testing/check.ts";
import { evaluate } from "../reference/evaluate.ts";
import { tensor } from "../../tensor/tensor.ts";
import { CUDA_PASSES } from "./lists.ts";
import { lower } from "./lower.ts";

const CASES: readonly { pads: readonly number[]; shape: readonly number[]; nodes: number; shows: string }[] = [
  { shows: "three axes beside each other", shape: [2, 3, 2, 3, 2], pads: [0, 0, 1, 1, 0, 0, 0, 0, 2, 1], nodes: 1 },
  { shows: "every other axis", shape: [2, 1, 3, 1, 2, 1], pads: [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 1], nodes: 2 },
  { shows: "all axes, some cut", shape: [2, 3, 4, 3, 2], pads: [1, -1, 1, 0, 1, 0, 1, -2, 1, 1], nodes: 2 },
  { shows: "nothing", shape: [2, 1, 2, 1, 2], pads: Array<number>(10).fill(0), nodes: 0 },
];

for (const { pads, shape, nodes, shows } of CASES) {
  Deno.test(`fewer-padded-axes pads up to four axes at a time: ${shows}`, () => {
    const b = new GraphBuilder();
    const graph = b.build("pad", { y: b.op.Pad(b.input("x", { dtype: "float64", shape }), pads, 3, {}) });
    const lowered = lower(graph, { passes: CUDA_PASSES }).graph;
    const padded = lowered.nodes.filter((n) => n.op === "Pad");
    assert.equal(padded.length, nodes);
    for (const { inputs: [x] } of padded) assert.ok(lowered.types.get(x)!.shape.length <= 4);
    const size = shape.reduce((a, d) => a * d);
    const feeds = { x: tensor("float64", shape, Array.from({ length: size }, (_, i) => i + 0.5)) };
    assertClose(evaluate(lowered, feeds).y.data, evaluate(graph, feeds).y.data, { atol: 0, what: shows });
  });
}
