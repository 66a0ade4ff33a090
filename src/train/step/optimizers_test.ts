import assert from "node:assert/strict";
import { evaluate, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { ADAM_DEFAULTS, type AdamConfig } from "../recipe/optimizer.ts";
import { adamScalars, adamUpdate } from "./optimizers.ts";

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
