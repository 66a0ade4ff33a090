/** Planes of logits as planes of probabilities, for networks whose authors bring probabilities back to the file's grid. */
import type { LogitPlanes } from "../../volume/mod.ts";
import { sigmoid } from "./functions.ts";

/** The activations that map logits to probabilities. */
const APPLIED = ["sigmoid", "softmax"] as const;
export type AppliedActivation = typeof APPLIED[number];

export const isApplied = (activation: string): activation is AppliedActivation =>
  (APPLIED as readonly string[]).includes(activation);

export interface ProbableOptions {
  readonly activation: AppliedActivation;
  readonly channels: number;
  /** Answers whose channels follow each other. Default 1. */
  readonly answers?: number;
}

/** The planes with the activation applied; logits that a later batch begins with stay. −Infinity alone is background. */
export function probable(planes: LogitPlanes, { activation, channels, answers = 1 }: ProbableOptions): LogitPlanes {
  const { logits } = planes, inAnswer = logits.length / answers;
  if (activation === "sigmoid") return { ...planes, logits: logits.map(sigmoid) };
  const out = new Float32Array(logits.length);
  for (let a = 0; a < answers; a++) {
    const own = [a * inAnswer, (a + 1) * inAnswer] as const;
    softmaxInto(out.subarray(...own), logits.subarray(...own), channels);
  }
  return { ...planes, logits: out };
}

function softmaxInto(out: Float32Array, logits: Float32Array, channels: number): void {
  const size = logits.length / channels;
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
}
