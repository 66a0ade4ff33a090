/** The memory of work that runs partly in this process and partly on a device. */
import type { Engine } from "./engine.ts";

/**
 * The most memory that a piece of work held, bytes: the peak of this process, which holds volumes and masks, plus that of
 * the engine's device process, which holds weights and activations. Both seldom peak at the same moment, so the sum is an
 * upper bound. Without what a GPU holds; 0 on other systems than Linux.
 */
export async function peakOfWork(engine: Engine): Promise<number> {
  return await engine.userPeakBytes() + await engine.peakBytes();
}

/** Begins a piece of work: `peakOfWork()` forgets what was held before. */
export function forgetPeaks(engine: Engine): void {
  engine.forgetPeak();
}
