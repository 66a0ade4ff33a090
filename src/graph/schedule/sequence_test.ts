import assert from "node:assert/strict";
import { evaluate, GraphBuilder, waitFor } from "../mod.ts";
import { runOrder } from "./sequence.ts";
import { tensor } from "../../tensor/mod.ts";

function twoHalves() {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [2, 3] });
  const marker = op.Identity(op.Sin(x));
  const second = op.Exp(marker), first = op.Cos(x);
  return { graph: b.build("halves", { first, second }), marker: marker.name };
}

Deno.test("waitFor() makes what uses a value depend on what comes before, and keeps the results", () => {
  const { graph, marker } = twoHalves();
  const ordered = waitFor(graph, { value: marker, after: ["first"] });
  const needed = new Set(["second"]);
  for (const node of ordered.nodes.toReversed()) {
    if (needed.has(node.output)) node.inputs.forEach((name) => needed.add(name));
  }
  assert.ok(needed.has("first"));
  const feeds = { x: tensor("float64", [2, 3], [0, 1, 2, 3, 4, 5]) };
  assert.deepEqual(evaluate(ordered, feeds), evaluate(graph, feeds));
});

Deno.test("waitFor() refuses a circle and a value that is no Identity", () => {
  const { graph, marker } = twoHalves();
  assert.throws(
    () => waitFor(graph, { value: marker, after: ["first", "second"] }),
    /wait for second: expected a value that does not depend on it/,
  );
  assert.throws(() => waitFor(graph, { value: "first", after: [] }), /first wait: expected the output of an Identity/);
});

Deno.test("runOrder() takes the last of what is listed first, after what it waits for", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [2] });
  const early = op.Sin(x), late = op.Cos(x);
  const graph = b.build("order", { first: op.Exp(x), sum: op.Add(early, late), last: op.Neg(early) });
  assert.deepEqual(runOrder(graph).map((n) => n.op), ["Sin", "Neg", "Cos", "Add", "Exp"]);
});
