/** Windows mirrored along axes, their answers mirrored back and averaged, as nnU-Net's predictor does. */
import type { Triple } from "../../volume/mod.ts";
import type { RunWindow } from "./run_window.ts";

type Axis = 0 | 1 | 2;

/** Runs each batch of windows in every combination of mirrored axes, and returns the mean of the answers. */
export function mirroredRun(run: RunWindow, axes: readonly Axis[]): RunWindow {
  if (axes.length === 0) return run;
  const combinations = Array.from({ length: 2 ** axes.length }, (_, bits) => axes.filter((_, i) => bits >> i & 1));
  return async (input, shape) => {
    const [, , x, y, z] = shape;
    const flip = (data: Float32Array, along: readonly Axis[]) => flipped(data, [x, y, z], along);
    const sum = (await run(input, shape)).slice();
    for (const along of combinations.slice(1)) {
      const answer = flip(await run(flip(input, along), shape), along);
      for (let i = 0; i < sum.length; i++) sum[i] += answer[i];
    }
    return sum.map((v) => v / combinations.length);
  };
}

/** Images [N, X, Y, Z], mirrored along some of their axes. */
export function flipped(data: Float32Array, [nx, ny, nz]: Triple, axes: readonly Axis[]): Float32Array {
  const out = new Float32Array(data.length);
  const [mx, my, mz] = ([0, 1, 2] as const).map((axis) => axes.includes(axis));
  for (let row = 0; row < data.length / nz; row++) {
    const y = row % ny, x = Math.floor(row / ny) % nx;
    const from = (row + (my ? ny - 1 - 2 * y : 0) + (mx ? (nx - 1 - 2 * x) * ny : 0)) * nz;
    const line = data.subarray(from, from + nz);
    out.set(mz ? line.toReversed() : line, row * nz);
  }
  return out;
}
