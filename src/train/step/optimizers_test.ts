import assert from "node:assert/strict";
import { evaluate, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { ADAM_DEFAULTS, type AdamConfig } from "../recipe/optimizer.ts";
import { warmedRate } from "../recipe/schedule.ts";
import { adamScalars, adamUpdate, clipped } from "./optimizers.ts";

interface State {
  readonly p: readonly number[];
  readonly m: readonly number[];
  readonly v: readonly number[];
}

const START: State = { p: [1, -2, 0], m: [0, 0, 0], v: [0, 0, 0] };
const GRADIENTS = [[0.5, -1e-3, 0], [-0.1, 2, 1e-9], [0.7, 0.7, -3]];
const RATE = 0.01;

/** Three updates by the graph, in float64. */
function byGraph(config: AdamConfig): State[] {
  const b = new GraphBuilder();
  const [p, g, m, v] = ["p", "g", "m", "v"].map((name) => b.input(name, { dtype: "float64", shape: [3] }));
  const [rate, step] = ["rate", "step"].map((name) => b.input(name, { dtype: "float64", shape: [] }));
  const next = adamUpdate(b.op, { p, g, m, v }, adamScalars(b.op, rate, step, config), config);
  const graph = b.build("adam", { "p'": next.p, "m'": next.m, "v'": next.v });
  const vector = (data: readonly number[]) => tensor("float64", [3], data);
  const scalar = (value: number) => tensor("float64", [], [value]);
  const states = [START];
  GRADIENTS.forEach((g, t) => {
    const { p, m, v } = states[t];
    const feeds = { p: vector(p), g: vector(g), m: vector(m), v: vector(v), rate: scalar(RATE), step: scalar(t + 1) };
    const out = evaluate(graph, feeds);
    states.push({ p: [...out["p'"].data], m: [...out["m'"].data], v: [...out["v'"].data] });
  });
  return states;
}

/** The same, number by number, as docs/method A.0 words it. */
function byHand({ kind, weightDecay, beta1, beta2, epsilon }: AdamConfig): State[] {
  const states = [START];
  GRADIENTS.forEach((gradient, t) => {
    const p = [...states[t].p], m = [...states[t].m], v = [...states[t].v];
    gradient.forEach((own, i) => {
      const g = kind === "adam-l2" ? own + weightDecay * p[i] : own;
      if (kind === "adamw") p[i] *= 1 - RATE * weightDecay;
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      p[i] -= RATE * (m[i] / (1 - beta1 ** (t + 1))) / (Math.sqrt(v[i] / (1 - beta2 ** (t + 1))) + epsilon);
    });
    states.push({ p, m, v });
  });
  return states;
}

Deno.test("adamUpdate() is AdamW or Adam with L2 as a scalar reference is, and the two differ", () => {
  const found = (["adamw", "adam-l2"] as const).map((kind) => {
    const config = { kind, weightDecay: 0.1, ...ADAM_DEFAULTS };
    const states = byGraph(config);
    byHand(config).forEach((expected, t) => {
      for (const key of ["p", "m", "v"] as const) {
        assertClose(states[t][key], expected[key], { rtol: 1e-12, what: `${kind}, ${key} after ${t} updates` });
      }
    });
    return states[1].p;
  });
  assert.ok(Math.abs(found[0][0] - found[1][0]) > 1e-4, `${found}`);
});

Deno.test("adamUpdate() without decay is the same for both kinds", () => {
  const [w, l2] = (["adamw", "adam-l2"] as const).map((kind) => byGraph({ kind, weightDecay: 0, ...ADAM_DEFAULTS }));
  assert.deepEqual(w, l2);
});

Deno.test("adamScalars() is 1 − βᵗ from the first update to the hundred thousandth", () => {
  const b = new GraphBuilder();
  const [rate, step] = ["rate", "step"].map((name) => b.input(name, { dtype: "float64", shape: [] }));
  const { correction1, correction2 } = adamScalars(b.op, rate, step, {
    kind: "adamw",
    weightDecay: 0,
    ...ADAM_DEFAULTS,
  });
  const graph = b.build("corrections", { correction1, correction2 });
  for (const t of [1, 2, 10, 1000, 100_000]) {
    const out = evaluate(graph, { rate: tensor("float64", [], [1]), step: tensor("float64", [], [t]) });
    assertClose([out.correction1.data[0]], [-Math.expm1(t * Math.log(0.9))], { rtol: 1e-13, what: `1 - 0.9^${t}` });
    assertClose([out.correction2.data[0]], [-Math.expm1(t * Math.log(0.999))], { rtol: 1e-13, what: `1 - 0.999^${t}` });
  }
});

/**
 * Five updates by PyTorch in float64: `clip_grad_norm_` to 0.75, AdamW with decay 0.1, LinearLR from 1/3 to 1 over two
 * updates before CosineAnnealingLR over three.
 */
const TORCH: readonly { gradient: number[]; norm: number; rate: number; p: number[] }[] = [
  {
    gradient: [0.5, -1e-3, 0, 3],
    norm: 3.0413814295480925,
    rate: 0.003333333333333333,
    p: [0.9963333336036785, -1.9960001351670713, 0, 0.4965000000450575],
  },
  {
    gradient: [-0.1, 2, 1e-9, 0.2],
    norm: 2.0124611797498106,
    rate: 0.006666666666666666,
    p: [0.9928292772079007, -1.999628903031267, -0.00012740586683993905, 0.49122691997086343],
  },
  {
    gradient: [0.03, 0.01, -0.02, 0.04],
    norm: 0.05477225575051661,
    rate: 0.01,
    p: [0.9871792779698325, -2.0034649831503692, 0.006260851896362548, 0.48467011530775234],
  },
  {
    gradient: [0.1, 0.1, 0.1, -2],
    norm: 2.0074859899884734,
    rate: 0.0075,
    p: [0.982499399000814, -2.0057614617820563, 0.004264733502502276, 0.4847677188733913],
  },
  {
    gradient: [0, 0, 0, 0],
    norm: 0,
    rate: 0.002500000000000001,
    p: [0.9811438504451447, -2.0063303836370725, 0.003702598574638692, 0.4847764402245476],
  },
];

Deno.test("clipped() and warmedRate() before AdamW give PyTorch's norms, rates and weights", () => {
  const config: AdamConfig = { kind: "adamw", weightDecay: 0.1, ...ADAM_DEFAULTS };
  const b = new GraphBuilder();
  const [p, g, m, v] = ["p", "g", "m", "v"].map((name) => b.input(name, { dtype: "float64", shape: [4] }));
  const [rate, step] = ["rate", "step"].map((name) => b.input(name, { dtype: "float64", shape: [] }));
  const { gradient, norm } = clipped(b.op, g, 0.75);
  const next = adamUpdate(b.op, { p, g: gradient, m, v }, adamScalars(b.op, rate, step, config), config);
  const graph = b.build("clip", { norm, "p'": next.p, "m'": next.m, "v'": next.v });
  const vector = (data: readonly number[]) => tensor("float64", [4], data);
  const scalar = (value: number) => tensor("float64", [], [value]);
  let state: State = { p: [1, -2, 0, 0.5], m: [0, 0, 0, 0], v: [0, 0, 0, 0] };
  TORCH.forEach((expected, t) => {
    const own = warmedRate(0.01, t, { warmup: 2, steps: 5 });
    assertClose([own], [expected.rate], { rtol: 1e-14, what: `rate of update ${t}` });
    const feeds = { p: vector(state.p), g: vector(expected.gradient), m: vector(state.m), v: vector(state.v) };
    const out = evaluate(graph, { ...feeds, rate: scalar(own), step: scalar(t + 1) });
    assertClose([...out.norm.data], [expected.norm], { rtol: 1e-14, what: `norm of update ${t}` });
    assertClose([...out["p'"].data], expected.p, { rtol: 1e-12, what: `weights after update ${t}` });
    state = { p: [...out["p'"].data], m: [...out["m'"].data], v: [...out["v'"].data] };
  });
});

Deno.test("clipped() measures no gradient that is not finite", () => {
  const b = new GraphBuilder();
  const { norm, isFinite } = clipped(b.op, b.input("g", { dtype: "float64", shape: [2] }), 1);
  const graph = b.build("clip", { norm, moved: b.op.Where(isFinite, b.literal("float64", 1), 0) });
  const of = (g: readonly number[]) => {
    const out = evaluate(graph, { g: tensor("float64", [2], g) });
    return [out.norm.data[0], out.moved.data[0]];
  };
  assert.deepEqual([of([NaN, 1]), of([Infinity, 1]), of([1, -Infinity])], [[-1, 0], [-1, 0], [-1, 0]]);
  assert.deepEqual([of([3, 4]), of([0, 0])], [[5, 1], [0, 1]]);
});
