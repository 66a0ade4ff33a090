/**
 * Further passes of the network over the same windows, seen otherwise: mirrored, brighter, darker. An answer that depends on
 * such changes is not to be relied upon (test-time augmentation: Wang et al., Neurocomputing 2019).
 */
import type { Triple } from "../../volume/mod.ts";
import { flipped, mirroredRun } from "./mirrored.ts";
import type { RunWindow } from "./run_window.ts";

/** A window seen otherwise: the input that goes in, and the answer brought back. */
export interface Pass {
  readonly there: (input: Float32Array, size: Triple) => Float32Array;
  readonly back: (answer: Float32Array, size: Triple) => Float32Array;
}

const same = (data: Float32Array) => data;

/** Intensities times a factor: 0, the padding, stays 0. */
const scaled = (factor: number): Pass => ({ there: (input) => input.map((v) => v * factor), back: same });

const mirroredAlong = (axis: 0 | 1 | 2): Pass => {
  const flip = (data: Float32Array, size: Triple) => flipped(data, size, [axis]);
  return { there: flip, back: flip };
};

/** Brighter and darker by a seventh, and mirrored along each of the axes that the network knows mirrored images of. */
export function passesOf(mirrored: readonly (0 | 1 | 2)[]): Pass[] {
  return [scaled(1.15), scaled(0.85), ...mirrored.map(mirroredAlong)];
}

/**
 * Runs each batch of windows and all passes of it: the channels of the answer, then those of each pass. The answer is the
 * mean over mirrored windows, a pass is of single ones: that mean, seen from another side, would be the same.
 */
export function withPasses(
  run: RunWindow,
  { passes, mirrored }: { readonly passes: readonly Pass[]; readonly mirrored: readonly (0 | 1 | 2)[] },
): RunWindow {
  const answering = mirroredRun(run, mirrored);
  if (passes.length === 0) return answering;
  return async (input, shape) => {
    const [batch, , x, y, z] = shape, size: Triple = [x, y, z];
    const answers = [(await answering(input, shape)).slice()];
    for (const { there, back } of passes) answers.push(back(await run(there(input, size), shape), size).slice());
    const own = answers[0].length / batch, all = new Float32Array(answers.length * answers[0].length);
    for (let b = 0; b < batch; b++) {
      for (const [p, answer] of answers.entries()) {
        all.set(answer.subarray(b * own, (b + 1) * own), (b * answers.length + p) * own);
      }
    }
    return all;
  };
}
