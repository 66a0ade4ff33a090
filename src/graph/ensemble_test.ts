import assert from "node:assert/strict";
import { GraphBuilder } from "./build/builder.ts";
import { print } from "./build/print.ts";
import { verify } from "./build/verify.ts";
import { ensembleOf, mainOf, membersOf } from "./ensemble.ts";
import type { Graph } from "./ir/ir.ts";
import { CPU_PASSES } from "./lower/lists.ts";
import { lower } from "./lower/lower.ts";
import { importModel } from "./read/normalize.ts";
import { evaluate } from "./reference/evaluate.ts";
import { encodeModel } from "./write/encode.ts";
import { Random, tensor } from "../tensor/mod.ts";

const IMAGE = [1, 2, 4, 4, 4] as const;

/** A network with weights of its own and a feature map, which its head is on. */
function network(seed: number, { image = "image", labels = 3 } = {}): Graph {
  const random = new Random(seed), b = new GraphBuilder(), { op } = b;
  const weight = (name: string, shape: readonly number[]) =>
    b.constant(
      tensor("float32", shape, Float32Array.from({ length: shape.reduce((a, n) => a * n) }, () => random.normal())),
      name,
    );
  const x = b.input(image, { dtype: "float32", shape: IMAGE });
  const features = op.Relu(op.Conv(x, weight("stem.weight", [4, 2, 3, 3, 3]), null, { pads: Array(6).fill(1) }));
  const out = op.Add(op.Conv(features, weight("head.weight", [labels, 4, 1, 1, 1]), null, {}), 0.5);
  return b.build("tiny", { out, feature1: features });
}

const image = tensor("float32", IMAGE, Float32Array.from({ length: 128 }, (_, i) => Math.sin(i)));
const answers = (graph: Graph) => [...evaluate(graph, { image }).out.data];

Deno.test("ensembleOf() answers by the mean of the networks' first outputs, also read from a file and lowered", () => {
  const alone = [1, 2, 3].map((seed) => network(seed)), [main, ...others] = alone;
  const together = ensembleOf(main, others), read = importModel(encodeModel(together));
  const all = alone.map(answers), expected = all[0].map((_, i) => all.reduce((sum, own) => sum + own[i], 0) / 3);
  for (const graph of [together, read, lower(together, { passes: CPU_PASSES }).graph]) {
    verify(graph);
    const worst = Math.max(...answers(graph).map((v, i) => Math.abs(v - expected[i])));
    assert.ok(worst < 1e-6, `${graph.name}: ${worst}`);
    assert.deepEqual(graph.outputs, ["out", "feature1"]);
  }
  assert.deepEqual([...together.constants.keys()].filter((name) => name.endsWith(".weight")), [
    "stem.weight",
    "head.weight",
    "ensemble/1/stem.weight",
    "ensemble/1/head.weight",
    "ensemble/2/stem.weight",
    "ensemble/2/head.weight",
  ]);
  assert.deepEqual([membersOf(read), membersOf(main)], [3, 1]);
});

Deno.test("mainOf() is the network that ensembleOf() put the others beside, also after it was a file", () => {
  const main = network(1), together = ensembleOf(main, [network(2), network(3)]);
  for (const graph of [together, importModel(encodeModel(together))]) {
    const found = mainOf(graph);
    verify(found);
    assert.equal(print(found), print(main));
    for (const [name, weight] of main.constants) assert.deepEqual(found.constants.get(name)!.data, weight.data, name);
  }
  assert.equal(mainOf(main), main, "a network alone is its own main one");
});

Deno.test("ensembleOf() refuses networks of another input or output, with both", () => {
  const main = network(1);
  assert.throws(
    () => ensembleOf(main, [network(2, { labels: 2 })]),
    /^TypeError: Cannot average networks: expected outputs out float32\[1,3,4,4,4\], got out float32\[1,2,4,4,4\]$/,
  );
  assert.throws(
    () => ensembleOf(main, [network(2, { image: "x" })]),
    /expected inputs image float32\[1,2,4,4,4\], got x float32\[1,2,4,4,4\]$/,
  );
});
