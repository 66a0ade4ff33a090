/** Sliding-window inference: windows of a prepared case through the network, blended logits out (docs/method D.2). */
import type { Session, Traits } from "../../engine/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { blendWeights, cutWindow, slidingWindows, type Triple } from "../../volume/mod.ts";
import type { InferenceSettings } from "../spec.ts";
import { InferenceError } from "../types.ts";

export interface SlidingOptions extends Pick<InferenceSettings, "roi" | "overlap" | "blending"> {
  /** Number of output channels. */
  readonly channels: number;
  /** Windows that are run at a time. Default 1. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Number of a volume's windows to run at a time: one fills a processor, a GPU needs several small ones. */
export function windowBatch(
  { windows: { most, voxels } }: Pick<Traits, "windows">,
  { sizeVox, roi, overlap }: { sizeVox: Triple } & Pick<InferenceSettings, "roi" | "overlap">,
): number {
  const windows = slidingWindows(sizeVox, roi, overlap).length;
  const together = Math.min(most, windows, voxels / (roi[0] * roi[1] * roi[2]));
  return 2 ** Math.max(0, Math.floor(Math.log2(together)));
}

/** Runs windows [B, C, …roi] and returns their logits [B, K, …roi]. */
export type RunWindow = (input: Float32Array, shape: readonly number[]) => Promise<Float32Array>;

/** A network that takes longer than this for a batch has hung. */
export const RUN_TIMEOUT_MS = 600_000;

/** A session as a window function: its first input is the image, its first output the logits. */
export function windowRunner(session: Session, timeoutMs?: number): RunWindow {
  const [image] = Object.keys(session.inputs), [logits] = Object.keys(session.outputs);
  return async (input, shape) => {
    const outputs = await session.run({ [image]: tensor("float32", shape, input) }, { fetch: [logits], timeoutMs });
    return outputs[logits].data as Float32Array;
  };
}

/**
 * Logits [K, X, Y, Z] of a volume: Σ w·logits / Σ w over the windows.
 * @param inputs one array [X, Y, Z] a channel
 * @throws {InferenceError} `cancelled`
 * @throws {RangeError} the network's output has another size
 */
export async function slidingLogits(
  run: RunWindow,
  { inputs, sizeVox }: { inputs: readonly Float32Array[]; sizeVox: Triple },
  options: SlidingOptions,
): Promise<{ logits: Float32Array; windows: number }> {
  const { roi, channels, batch = 1, signal } = options;
  const starts = slidingWindows(sizeVox, roi, options.overlap);
  const weights = blendWeights(roi, options.blending);
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2], inWindow = weights.length;
  const sum = new Float32Array(channels * voxels), total = new Float32Array(voxels);
  const windows = new Float32Array(batch * inputs.length * inWindow), inLogits = channels * inWindow;
  for (let done = 0; done < starts.length;) {
    if (signal?.aborted) throw new InferenceError("cancelled", "The work was cancelled");
    const together = starts.slice(done, done + batch); // the last batch may be partly filled: the rest is dropped
    for (const [i, start] of together.entries()) {
      for (const [c, data] of inputs.entries()) {
        windows.set(cutWindow(data, sizeVox, { start, size: roi }), (i * inputs.length + c) * inWindow);
      }
    }
    const logits = await run(windows, [batch, inputs.length, ...roi]);
    if (logits.length !== batch * inLogits) {
      const expected = `[${batch}, ${channels}, ${roi.join(", ")}]`;
      throw new RangeError(`Cannot blend windows: expected logits of ${expected}, got ${logits.length} values`);
    }
    for (const [i, start] of together.entries()) {
      const own = logits.subarray(i * inLogits, (i + 1) * inLogits);
      blend({ sum, total, sizeVox }, { logits: own, weights, start, roi, channels });
    }
    done += together.length;
    options.onProgress?.(done, starts.length);
  }
  for (let c = 0; c < channels; c++) for (let v = 0; v < voxels; v++) sum[c * voxels + v] /= total[v];
  return { logits: sum, windows: starts.length };
}

interface Blend {
  readonly sum: Float32Array;
  readonly total: Float32Array;
  readonly sizeVox: Triple;
}

interface Window {
  readonly logits: Float32Array;
  readonly weights: Float32Array;
  readonly start: Triple;
  readonly roi: Triple;
  readonly channels: number;
}

/** Adds a window's weighted logits where it covers the volume; those in the padding are dropped. */
function blend({ sum, total, sizeVox: [nx, ny, nz] }: Blend, { logits, weights, start, roi, channels }: Window): void {
  const voxels = nx * ny * nz, [rx, ry, rz] = roi, inWindow = rx * ry * rz;
  const from = Math.max(0, -start[2]), to = Math.min(rz, nz - start[2]);
  for (let x = Math.max(0, -start[0]); x < Math.min(rx, nx - start[0]); x++) {
    for (let y = Math.max(0, -start[1]); y < Math.min(ry, ny - start[1]); y++) {
      const row = (x * ry + y) * rz;
      const out = ((x + start[0]) * ny + y + start[1]) * nz + start[2];
      for (let z = from; z < to; z++) {
        const w = weights[row + z];
        total[out + z] += w;
        for (let c = 0; c < channels; c++) sum[c * voxels + out + z] += w * logits[c * inWindow + row + z];
      }
    }
  }
}
