/** A prepared case through the network, window by window, its logits on the voxels of any grid. */
import { type Grid, restoring, type VisitLogits } from "../../volume/mod.ts";
import { type RunWindow, type SlidingOptions, slidingPlanes } from "./sliding.ts";

/** A case on the network's grid; see `Prepared`. */
export interface NetworkCase {
  readonly channels: readonly Float32Array[];
  readonly grid: Grid;
  readonly inside: Uint8Array;
}

/**
 * Visits every voxel of `target` that may be labelled, with its logits, once; the others are background.
 * @returns the number of windows that were run, and the time that the way to the target took
 * @throws {InferenceError} `cancelled`
 * @throws {RangeError} the network's output has another size
 */
export async function logitsOnto(
  run: RunWindow,
  { channels, grid, inside }: NetworkCase,
  { target, ...options }: SlidingOptions & { readonly target: Grid },
  visit: VisitLogits,
): Promise<{ windows: number; restoreMs: number }> {
  const restore = restoring({ channels: options.channels, grid, inside, target }, visit);
  let restoreMs = 0;
  const volume = { inputs: channels, sizeVox: grid.sizeVox, inside };
  const { windows } = await slidingPlanes(run, volume, options, (planes) => {
    const start = performance.now();
    restore(planes);
    restoreMs += performance.now() - start;
  });
  return { windows, restoreMs: Math.round(restoreMs) };
}
