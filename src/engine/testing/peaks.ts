/** A program of its own, whose memory no other test moves: prints peaks of work around an array of so many bytes. */
import { DeviceEngine, forgetPeaks, peakOfWork } from "../mod.ts";

export interface Peaks {
  readonly before: number;
  readonly held: number;
  /** Of the device process alone, while the array is held. */
  readonly device: number;
  /** The array is freed. */
  readonly after: number;
  /** The peaks are forgotten. */
  readonly next: number;
}

if (import.meta.main) {
  const engine = await DeviceEngine.open("cpu");
  forgetPeaks(engine);
  const before = await peakOfWork(engine);
  // Every page is written: memory that is only reserved is not held.
  const volume = new Uint8Array(Number(Deno.args[0])).fill(1);
  const held = await peakOfWork(engine), device = await engine.peakBytes();
  volume.buffer.transfer(0); // frees it at once
  const after = await peakOfWork(engine);
  forgetPeaks(engine);
  const next = await peakOfWork(engine);
  console.log(JSON.stringify({ before, held, device, after, next } satisfies Peaks));
  await engine.close();
}
