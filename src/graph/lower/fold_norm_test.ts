import assert from "node:assert/strict";
import { CPU_PASSES, evaluate, GraphBuilder, lower, type Value } from "../mod.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";

const wave = (shape: readonly number[], phase: number): Tensor =>
  tensor("float64", shape, Array.from({ length: sizeOf(shape) }, (_, i) => 1.5 + Math.sin(0.7 * i + phase)));

/** A normalisation of `channels` whose statistics are constants. */
const norm = ({ op }: GraphBuilder, x: Value, [scale, ...rest] = vectors(x.shape[1])): Value =>
  op.BatchNormalization(x, scale, rest[0], rest[1], rest[2], { epsilon: 0.01 });
const vectors = (channels: number) => [1, 2, 3, 4].map((phase): Value | Tensor => wave([channels], phase));

const CONVS: Readonly<Record<string, (b: GraphBuilder, x: Value) => Value>> = {
  "3³, padded, bias": ({ op }, x) => op.Conv(x, wave([5, 4, 3, 3, 3], 5), wave([5], 6), { pads: [1, 1, 1, 1, 1, 1] }),
  "2³, stride 2, no bias": ({ op }, x) => op.Conv(x, wave([3, 4, 2, 2, 2], 5), null, { strides: [2, 2, 2] }),
  "1³, bias": ({ op }, x) => op.Conv(x, wave([6, 4, 1, 1, 1], 5), wave([6], 6), {}),
  "depthwise": ({ op }, x) => op.Conv(x, wave([4, 1, 3, 3, 3], 5), wave([4], 6), { group: 4 }),
  "transposed, bias": ({ op }, x) =>
    op.ConvTranspose(x, wave([4, 3, 2, 2, 2], 5), wave([3], 6), { strides: [2, 2, 2] }),
  "transposed, grouped": ({ op }, x) =>
    op.ConvTranspose(x, wave([4, 1, 2, 2, 2], 5), null, { strides: [2, 2, 2], group: 2 }),
};

type Build = (b: GraphBuilder, x: Value) => Readonly<Record<string, Value>>;

const conv = CONVS["1³, bias"];
const AFTER: Readonly<Record<string, { build: Build; why: string | null }>> = {
  ...Object.fromEntries(
    Object.entries(CONVS).map(([name, conv]) => [name, {
      build: (b: GraphBuilder, x: Value) => ({ y: norm(b, conv(b, x)) }),
      why: name === "transposed, grouped" ? "the transposed convolution is grouped" : null,
    }]),
  ),
  "of an input": { build: (b, x) => ({ y: norm(b, x) }), why: "not after a convolution" },
  "of what is an output, too": {
    build: (b, x) => {
      const z = conv(b, x);
      return { y: norm(b, z), z };
    },
    why: "what the convolution gives is used elsewhere",
  },
  "of statistics that are fed": {
    build: (b, x) => {
      const mean = b.input("mean", { dtype: "float64", shape: [6] });
      return { y: norm(b, conv(b, x), vectors(6).with(2, mean)) };
    },
    why: "a weight is not constant",
  },
  "of weights that are fed": {
    build: (b, x) => ({
      y: norm(b, b.op.Conv(x, b.input("w", { dtype: "float64", shape: [2, 4, 1, 1, 1] }), null, {})),
    }),
    why: "a weight is not constant",
  },
};

const BEFORE: Readonly<Record<string, { build: Build; why: string | null }>> = {
  ...Object.fromEntries(
    ["2³, stride 2, no bias", "1³, bias"].map((name) => [name, {
      build: (b: GraphBuilder, x: Value) => ({ y: CONVS[name](b, norm(b, x)) }),
      why: null,
    }]),
  ),
  "padded": {
    build: (b, x) => ({ y: CONVS["3³, padded, bias"](b, norm(b, x)) }),
    why: "the padding is not normalised",
  },
  "depthwise": { build: (b, x) => ({ y: CONVS.depthwise(b, norm(b, x)) }), why: "the convolution is grouped" },
  "of two": {
    build: (b, x) => {
      const z = norm(b, x);
      return { y: conv(b, z), z: CONVS["2³, stride 2, no bias"](b, z) };
    },
    why: "what is normalised is used elsewhere",
  },
  "statistics that are fed": {
    build: (b, x) => {
      const mean = b.input("mean", { dtype: "float64", shape: [4] });
      return { y: conv(b, norm(b, x, vectors(4).with(2, mean))) };
    },
    why: "a weight is not constant",
  },
};

for (const [pass, cases] of [["norm-after-conv", AFTER], ["norm-before-conv", BEFORE]] as const) {
  for (const [name, { build, why }] of Object.entries(cases)) {
    Deno.test(`lower() folds a norm, ${pass}: ${name}${why === null ? "" : ", left alone"}`, () => {
      const b = new GraphBuilder();
      const x = b.input("x", { dtype: "float64", shape: [2, 4, 5, 4, 6] });
      const graph = b.build("norm", build(b, x));
      const { graph: lowered, reports } = lower(graph, { passes: CPU_PASSES });
      const { fired, skipped } = reports.find((r) => r.pass === pass)!;
      assert.deepEqual([fired > 0, ...new Set(skipped.map((s) => s.why))], why === null ? [true] : [false, why]);
      assert.equal(lowered.nodes.some((n) => n.op === "BatchNormalization"), why !== null);
      const feeds = Object.fromEntries(graph.inputs.map((n, i) => [n, wave(graph.types.get(n)!.shape, 7 + i)]));
      const expected = evaluate(graph, feeds), actual = evaluate(lowered, feeds);
      for (const n of graph.outputs) {
        const size = Math.max(...expected[n].data.map(Math.abs));
        const worst = Math.max(...expected[n].data.map((v, i) => Math.abs(v - actual[n].data[i])));
        assert.ok(worst < 1e-12 * size, `${n} differs by ${worst} of ${size}`);
      }
    });
  }
}

Deno.test("lower() folds norms before and after one convolution, of networks that are not trained any more", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float64", shape: [1, 4, 3, 3, 3] });
  const { graph } = lower(b.build("both", { y: norm(b, conv(b, norm(b, x))) }), { passes: CPU_PASSES });
  assert.deepEqual(graph.nodes.map((n) => n.op), ["Conv"]);
});
