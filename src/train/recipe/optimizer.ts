/** The optimizer's settings. Its formulas: `step/optimizers.ts`. */
import { z } from "zod";
import { choice, type Frozen, number } from "./settings.ts";

/** All settings of the optimizer as one. */
export function optimizerSettings() {
  const beta = () => number({ from: 0, below: 1 });
  return z.strictObject({
    kind: choice(["adamw", "adam-l2"]).describe(
      "`adamw`: decoupled decay. `adam-l2`: decay added to the gradient (A.0).",
    ),
    weightDecay: number({ from: 0, to: 1 }),
    beta1: beta(),
    beta2: beta(),
    epsilon: number({ above: 0, to: 1 }),
  }).describe("Adam with one of two weight decays.");
}

export type AdamConfig = Frozen<z.output<ReturnType<typeof optimizerSettings>>>;

export const ADAM_DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
