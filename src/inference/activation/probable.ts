/** Planes of logits as planes of probabilities, for networks whose authors bring probabilities back to the file's grid. */
import type { LogitPlanes } from "../../volume/mod.ts";
import { sigmoid } from "./functions.ts";

/** The activations that map logits to probabilities. */
const APPLIED = ["sigmoid", "softmax"] as const;
export type AppliedActivation = typeof APPLIED[number];

export const isApplied = (activation: string): activation is AppliedActivation =>
  (APPLIED as readonly string[]).includes(activation);

/** The planes with the activation applied; logits that a later batch begins with stay. −Infinity alone is background. */
export function probable(
  planes: LogitPlanes,
  { activation, channels }: { readonly activation: AppliedActivation; readonly channels: number },
): LogitPlanes {
  const { logits } = planes, size = logits.length / channels;
  if (activation === "sigmoid") return { ...planes, logits: logits.map(sigmoid) };
  const out = new Float32Array(logits.length);
  for (let v = 0; v < size; v++) {
    let top = -Infinity, sum = 0;
    for (let c = 0; c < channels; c++) top = Math.max(top, logits[c * size + v]);
    if (top === -Infinity) {
      out[v] = 1;
      continue;
    }
    for (let c = 0; c < channels; c++) sum += out[c * size + v] = Math.exp(logits[c * size + v] - top);
    for (let c = 0; c < channels; c++) out[c * size + v] /= sum;
  }
  return { ...planes, logits: out };
}
