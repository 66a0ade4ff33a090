/** How measured costs decide which passes fire, and the samples that are measured. */
import assert from "node:assert/strict";
import {
  type Cost,
  type Costs,
  CPU_PASSES,
  CUDA_PASSES,
  type Graph,
  GraphBuilder,
  lower,
  MIXED_CUDA_PASSES,
  type Pass,
  trialsOf,
  verify,
  WEBGPU_PASSES,
} from "../mod.ts";

const PASSES = { cpu: CPU_PASSES, cuda: CUDA_PASSES, webgpu: WEBGPU_PASSES };
type Provider = keyof typeof PASSES;

/** A depthwise convolution 3³ of 32³ voxels. */
function depthwise(): Graph {
  const b = new GraphBuilder();
  const [x, w] = [[1, 4, 32, 32, 32], [4, 1, 3, 3, 3]].map((shape, i) => b.input("xw"[i], { dtype: "float32", shape }));
  return b.build("depthwise", { y: b.op.Conv(x, w, null, { pads: Array<number>(6).fill(1), group: 4 }) });
}

const KEY = "blocked-depthwise/up to 27 taps";
const CASES: readonly { name: string; provider: Provider; cost?: Cost; why: string | null }[] = [
  { name: "nothing is known", provider: "cpu", why: null },
  { name: "faster", provider: "cpu", cost: { withoutMs: 4, withMs: 3 }, why: null },
  { name: "a little slower", provider: "cpu", cost: { withoutMs: 4, withMs: 4.1 }, why: null },
  {
    name: "slower",
    provider: "cpu",
    cost: { withoutMs: 4, withMs: 5 },
    why: "takes 1.25 times as long on this device",
  },
  { name: "refused", provider: "cpu", cost: { withoutMs: 4, withMs: Infinity }, why: "refused by this device" },
  { name: "refused as built", provider: "cpu", cost: { withoutMs: Infinity, withMs: 9 }, why: null },
  { name: "refused both ways", provider: "cpu", cost: { withoutMs: Infinity, withMs: Infinity }, why: null },
  { name: "a candidate, nothing known", provider: "cuda", why: "not measured on this device" },
  {
    name: "a candidate, refused both ways",
    provider: "cuda",
    cost: { withoutMs: Infinity, withMs: Infinity },
    why: "not measured on this device",
  },
  { name: "a candidate, faster", provider: "cuda", cost: { withoutMs: 4, withMs: 3 }, why: null },
  {
    name: "a candidate, a little faster",
    provider: "cuda",
    cost: { withoutMs: 4, withMs: 3.9 },
    why: "takes 0.97 times as long on this device",
  },
];

for (const { name, provider, cost, why } of CASES) {
  Deno.test(`lower() on ${provider} goes by the cost table: ${name}`, () => {
    const costs = cost && { [KEY]: cost };
    const { graph, reports } = lower(depthwise(), { passes: PASSES[provider], costs });
    const { fired, skipped } = reports.find((r) => r.pass === "blocked-depthwise")!;
    assert.deepEqual([fired, skipped.map((s) => s.why)], why === null ? [1, []] : [0, [why]]);
    assert.equal(graph.nodes.length > 1, why === null);
  });
}

Deno.test("lower() leaves kinds alone that the table says nothing of", () => {
  const costs = { "blocked-depthwise/more than 27 taps": { withoutMs: 1, withMs: 9 } };
  const { reports } = lower(depthwise(), { passes: CPU_PASSES, costs });
  assert.equal(reports.find((r) => r.pass === "blocked-depthwise")!.fired, 1);
});

const operators = ({ nodes }: Graph) => nodes.map((n) => n.op).sort().join();

const LISTS: Readonly<Record<string, readonly Pass[]>> = {
  "cpu's passes in float32": CPU_PASSES,
  "cuda's passes in tf32": CUDA_PASSES,
  "cuda's passes in mixed": MIXED_CUDA_PASSES,
  "webgpu's passes in float32": WEBGPU_PASSES,
};
for (const [whose, passes] of Object.entries(LISTS)) {
  Deno.test(`trialsOf() ${whose}: each sample is of its own kind, and its rewrite shows`, () => {
    const trials = trialsOf(passes);
    assert.equal(new Set(trials.map((t) => t.key)).size, trials.length);
    for (const { key, graphs } of trials) {
      const { without, with: lowered } = graphs(1, {});
      for (const graph of [without, lowered]) {
        verify(graph);
        assert.deepEqual([graph.inputs, graph.outputs, graph.types.get("y")!.shape], [["x"], ["y"], []]);
      }
      assert.notEqual(operators(lowered), operators(without), key);
    }
  });
}

Deno.test("trialsOf() compares a form with the best that is left to the passes behind it", () => {
  const trials = trialsOf(CUDA_PASSES);
  const keys = trials.map((t) => t.key);
  const [product, planar] = ["product", "planar"].map((p) => `${p}-conv-transpose/up to 32 channels`);
  assert.ok(keys.indexOf(product) < keys.indexOf(planar));
  const without = (costs: Costs) => trials[keys.indexOf(planar)].graphs(1, costs).without.nodes.map((n) => n.op);
  assert.ok(without({}).includes("ConvTranspose"));
  assert.ok(!without({ [product]: { withoutMs: 2, withMs: 1 } }).includes("ConvTranspose"));
});

Deno.test("trialsOf() repeats a sample with other inputs, so that no copy equals another", () => {
  const { graphs } = trialsOf(CPU_PASSES).find((t) => t.key === KEY)!;
  const convs = (copies: number) => graphs(copies, {}).without.nodes.filter((n) => n.op === "Conv");
  assert.equal(convs(3).length, 3 * convs(1).length);
  assert.equal(new Set(convs(3).map((n) => n.inputs.join())).size, convs(3).length);
});

Deno.test("every pass with kinds can be measured on a device, or its rewrite is needed there", () => {
  const unmeasured = (passes: readonly Pass[]) => passes.filter((p) => !p.kinds).map((p) => p.name);
  // these are for exactness and for memory, not for speed
  assert.deepEqual(unmeasured(CPU_PASSES), ["whole-rounding", "exact-norm", "staged-sums", "attention-pieces"]);
  assert.deepEqual(unmeasured(CUDA_PASSES), ["whole-rounding", "fewer-padded-axes", "attention-pieces"]);
  assert.deepEqual(unmeasured(WEBGPU_PASSES), [
    "whole-rounding",
    "exact-norm",
    "two-pass-norm",
    "spread-conv-transpose",
    "planar-grouped-conv",
    "staged-sums",
    "attention-pieces",
  ]);
});
