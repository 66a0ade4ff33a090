/** Rates of weights that start from a base's, against parameter groups of PyTorch 2.13 in float64. */
import { evaluate, GraphBuilder, type Value } from "../../graph/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { type NdArray, type Tensor, tensor } from "../../tensor/mod.ts";
import { ADAM_DEFAULTS, type AdamConfig } from "../recipe/optimizer.ts";
import { StepOutputs, updateScalars, updateWeights } from "./network_step.ts";

const WEIGHTS: Readonly<Record<string, readonly number[]>> = { a: [1, -2], b: [0.5, 0.25, -4], c: [3] };
const RATES = [0.03125, 0.0625, 0.0625, 0.03125];
const gradientsAt = (t: number): Readonly<Record<string, readonly number[]>> => ({
  a: [0.5, -0.25].map((g) => g * (t + 1)),
  b: [-1, 0.125, 2].map((g) => g / (t + 1)),
  c: [0.0625 * (t - 1)],
});

/** a, b and c after two updates, in which a and c rest, and after four; a quarter of the rate for them. */
const TORCH: Readonly<Record<AdamConfig["kind"], readonly [readonly number[], readonly number[]]>> = {
  adamw: [
    [1, -2, 0.583422969543, 0.157810863471, -4.04251415659, 3],
    [0.974614863625, -1.971687083667, 0.656626733878, 0.07594339448, -4.075287259781, 2.985851054714],
  ],
  "adam-l2": [
    [1, -2, 0.588788124149, 0.159257776732, -4.085618908148, 3],
    [0.977278122084, -1.976854838497, 0.66591380877, 0.076208983971, -4.149917115104, 2.97648449149],
  ],
};

for (const kind of ["adamw", "adam-l2"] as const) {
  Deno.test(`updateWeights() with a rate for the base's weights is ${kind} with parameter groups of PyTorch`, () => {
    const optimizer = { kind, weightDecay: 0.125, ...ADAM_DEFAULTS };
    const b = new GraphBuilder(), to = new StepOutputs();
    const inputs = (prefix: string) =>
      Object.entries(WEIGHTS).map(([key, { length }]): [string, Value] => [
        key,
        b.input(`${prefix}${key}`, { dtype: "float32", shape: [length] }),
      ]);
    const scalars = updateScalars(b, optimizer), weights = new Map(inputs(""));
    const baseRate = { isFromBase: (key: string) => key !== "b", factor: 0.25, frozenSteps: 2 };
    const gradients = inputs("gradient ").map(([, g]) => g);
    updateWeights(b, to, { weights, gradients, optimizer, scalars, baseRate });
    const graph = b.build("updates", to.outputs);
    const vector = (data: readonly number[]) => tensor("float32", [data.length], data);
    let state: Record<string, NdArray | Tensor> = {
      ...Object.fromEntries(Object.entries(WEIGHTS).map(([key, data]) => [key, vector(data)])),
      "m/weights": vector(Array(6).fill(0)),
      "v/weights": vector(Array(6).fill(0)),
    };
    RATES.forEach((rate, t) => {
      const own = Object.entries(gradientsAt(t)).map(([key, data]) => [`gradient ${key}`, vector(data)]);
      const fed = { learningRate: tensor("float32", [], [rate]), step: tensor("float32", [], [t + 1]) };
      const next = evaluate(graph, { ...state, ...Object.fromEntries(own), ...fed });
      state = Object.fromEntries([...to.state].map(([name, output]) => [name, next[output]]));
      if (t % 2 === 0) return;
      const found = ["a", "b", "c"].flatMap((key) => [...state[key].data].map(Number));
      assertClose(found, TORCH[kind][(t - 1) / 2], { rtol: 1e-6, what: `weights after ${t + 1} updates` });
    });
  });
}
