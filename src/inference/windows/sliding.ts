/** Sliding-window inference: windows of a prepared case through the network, blended logits out (docs/method D.2). */
import type { Traits } from "../../engine/mod.ts";
import { blendWeights, cutWindow, type LogitPlanes, nearness, slidingWindows, type Triple } from "../../volume/mod.ts";
import type { InferenceSettings } from "../spec.ts";
import { InferenceError } from "../types.ts";
import { FinalPlanes, type OutputValues } from "./final_planes.ts";
import { mirroredRun } from "./mirrored.ts";
import type { RunWindow } from "./run_window.ts";

export interface SlidingOptions
  extends Pick<InferenceSettings, "roi" | "overlap" | "placing" | "blending" | "mirrored">, OutputValues {
  /** Windows that are run at a time. Default 1. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** The work is given up once it shows that it would take longer. Default: no bound. */
  readonly seconds?: number;
}

/** Number of a volume's windows to run at a time: one fills a processor, a GPU needs several small ones. */
export function windowBatch(
  { windows: { most, voxels } }: Pick<Traits, "windows">,
  { sizeVox, roi, ...plan }: { sizeVox: Triple } & Pick<InferenceSettings, "roi" | "overlap" | "placing">,
): number {
  const windows = slidingWindows(sizeVox, roi, plan).length;
  const together = Math.min(most, windows, voxels / (roi[0] * roi[1] * roi[2]));
  return 2 ** Math.max(0, Math.floor(Math.log2(together)));
}

export interface SlidingResult {
  /** The number of windows that were run; mirrored ones count once. */
  readonly windows: number;
  /** The least and the greatest value of the network's output, ∞ and −∞ where no window was run. */
  readonly least: number;
  readonly greatest: number;
}

/** A case on the network's grid. */
export interface WindowInputs {
  /** One array [X, Y, Z] a channel. */
  readonly inputs: readonly Float32Array[];
  readonly sizeVox: Triple;
  /** 1 where there is something to label [X, Y, Z]: windows without it are not run. Default everywhere. */
  readonly inside?: Uint8Array | undefined;
}

/**
 * Logits of a volume, plane by plane of its first axis as they become final: Σ w·logits / Σ w over the windows, −Infinity
 * where no window was run. Each batch of planes begins with the last plane of the one before.
 * @throws {InferenceError} `cancelled`; `too-much-work`; `invalid-output`: the network answered with what its output cannot be
 * @throws {RangeError} the network's output has another size
 */
export async function slidingPlanes(
  run: RunWindow,
  { inputs, sizeVox, inside }: WindowInputs,
  options: SlidingOptions,
  onPlanes: (planes: LogitPlanes) => void,
): Promise<SlidingResult> {
  const { roi, channels, batch = 1, signal, mirrored = [] } = options;
  const starts = slidingWindows(sizeVox, roi, options).filter((s) => shows(inside, sizeVox, s, roi));
  const weights = options.areNames ? nearness(roi) : blendWeights(roi, options.blending);
  const planes = new FinalPlanes({ ...options, sizeVox, weights }, onPlanes);
  const runAll = mirroredRun(run, mirrored);
  const inWindow = roi[0] * roi[1] * roi[2], inLogits = channels * inWindow;
  const windows = new Float32Array(batch * inputs.length * inWindow), start = performance.now();
  for (let done = 0; done < starts.length;) {
    if (signal?.aborted) throw new InferenceError("cancelled", "The work was cancelled");
    const together = starts.slice(done, done + batch); // the last batch may be partly filled: the rest is dropped
    for (const [i, start] of together.entries()) {
      for (const [c, data] of inputs.entries()) {
        windows.set(cutWindow(data, sizeVox, { start, size: roi }), (i * inputs.length + c) * inWindow);
      }
    }
    const logits = await runAll(windows, [batch, inputs.length, ...roi]);
    if (logits.length !== batch * inLogits) {
      const expected = `[${batch}, ${channels}, ${roi.join(", ")}]`;
      throw new RangeError(`Cannot blend windows: expected logits of ${expected}, got ${logits.length} values`);
    }
    for (const [i, start] of together.entries()) planes.add(start, logits.subarray(i * inLogits, (i + 1) * inLogits));
    done += together.length;
    options.onProgress?.(done, starts.length);
    checkTime({ done, total: starts.length, elapsed: (performance.now() - start) / 1000, seconds: options.seconds });
  }
  planes.end();
  return { windows: starts.length, least: planes.least, greatest: planes.greatest };
}

/** Seconds after which the windows that were run say how long the others will take. */
const SHOWS_AFTER = 20;

/** @throws {InferenceError} `too-much-work`: at the speed so far it would take longer than `seconds` */
export function checkTime(
  { done, total, elapsed, seconds = Infinity }: {
    readonly done: number;
    readonly total: number;
    readonly elapsed: number;
    readonly seconds?: number | undefined;
  },
): void {
  const expected = elapsed / done * total;
  if (elapsed < SHOWS_AFTER || expected <= seconds) return;
  throw new InferenceError(
    "too-much-work",
    `Cannot run the model: ${done} of ${total} windows took ${Math.round(elapsed)} s, so that all would take about ${
      Math.round(expected)
    } s, expected at most ${seconds} s`,
  );
}

/** Whole logits [K, X, Y, Z] of a volume; see {@link slidingPlanes}. */
export async function slidingLogits(
  run: RunWindow,
  volume: WindowInputs,
  options: SlidingOptions,
): Promise<{ logits: Float32Array; windows: number }> {
  const [nx, ny, nz] = volume.sizeVox, plane = ny * nz, { channels } = options;
  const whole = new Float32Array(channels * nx * plane).fill(-Infinity);
  const { windows } = await slidingPlanes(run, volume, options, ({ logits, from, count, depth }) => {
    for (let c = 0; c < channels; c++) {
      whole.set(logits.subarray(c * depth * plane, (c * depth + count) * plane), (c * nx + from) * plane);
    }
  });
  return { logits: whole, windows };
}

/** True where a window holds a voxel that is to be labelled. */
function shows(inside: Uint8Array | undefined, sizeVox: Triple, start: Triple, size: Triple): boolean {
  return inside === undefined || cutWindow(inside, sizeVox, { start, size }).includes(1);
}
