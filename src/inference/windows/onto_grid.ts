/** A prepared case through the network, window by window, its logits on the voxels of any grid. */
import { type Grid, restoring, type VisitLogits } from "../../volume/mod.ts";
import { type AppliedActivation, probable } from "../activation/probable.ts";
import type { RunWindow } from "./run_window.ts";
import { type Pass, withPasses } from "./passes.ts";
import { type SlidingOptions, slidingPlanes, type SlidingResult } from "./sliding.ts";

/** A case on the network's grid; see `Prepared`. */
export interface NetworkCase {
  readonly channels: readonly Float32Array[];
  readonly grid: Grid;
  readonly inside: Uint8Array;
  /** The axis whose slices stay apart; default none. */
  readonly slices?: 0 | 1 | 2 | null;
}

/**
 * Visits every voxel of `target` that may be labelled, with its logits, once; the others are background.
 * @throws {InferenceError} `cancelled`, `invalid-output`
 * @throws {RangeError} the network's output has another size
 */
export async function logitsOnto(
  run: RunWindow,
  { channels, grid, inside, slices }: NetworkCase,
  { target, applied, passes = [], mirrored = [], ...own }: SlidingOptions & {
    readonly target: Grid;
    /** Further passes: the channels of each follow those of the answer. Default none. */
    readonly passes?: readonly Pass[] | undefined;
    /** Applied before the way to the target, so that probabilities and not logits are interpolated. */
    readonly applied?: AppliedActivation | undefined;
  },
  visit: VisitLogits,
): Promise<SlidingResult & { readonly restoreMs: number }> {
  const answers = 1 + passes.length, options = { ...own, channels: own.channels * answers };
  const interpolation = options.areNames ? "nearest" : "linear";
  const restore = restoring({ channels: options.channels, grid, inside, slices, target, interpolation }, visit);
  /** The time that the way to the target took. */
  let restoreMs = 0;
  const volume = { inputs: channels, sizeVox: grid.sizeVox, inside };
  const found = await slidingPlanes(withPasses(run, { passes, mirrored }), volume, options, (planes) => {
    const start = performance.now();
    restore(
      applied === undefined ? planes : probable(planes, { activation: applied, channels: own.channels, answers }),
    );
    restoreMs += performance.now() - start;
  });
  return { ...found, restoreMs: Math.round(restoreMs) };
}
