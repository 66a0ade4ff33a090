/** One row of a benchmark: how long some runs took, and how much memory their engine held at most. */
import type { Engine } from "../../src/engine/mod.ts";
import { sizeOf, tensor } from "../../src/tensor/mod.ts";

export interface Row {
  readonly name: string;
  /** The first run, which also plans memory and kernels; the fastest and the median of the others. */
  readonly firstMs: number;
  readonly bestMs: number;
  readonly medianMs: number;
  readonly peakGb: number;
  readonly [extra: string]: number | string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/** The times of a row from those of its runs; of a single run, that one. */
export function timesOf(runsMs: readonly number[]): Pick<Row, "firstMs" | "bestMs" | "medianMs"> {
  const others = runsMs.length > 1 ? runsMs.slice(1) : runsMs;
  return {
    firstMs: Math.round(runsMs[0]),
    bestMs: Math.round(Math.min(...others)),
    medianMs: Math.round(median(others)),
  };
}

export async function measure(
  engine: Engine,
  { name, runs, run }: { name: string; runs: number; run: (i: number) => Promise<unknown> },
): Promise<Row> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run(i);
    times.push(performance.now() - start);
  }
  return { name, ...timesOf(times), peakGb: gigabytes(await engine.peakBytes()) };
}

export const gigabytes = (bytes: number) => Number((bytes / 1e9).toFixed(2));

/** A smooth image of this shape with values from 0 to 1. */
export const wave = (shape: readonly number[]) =>
  tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.5 + 0.5 * Math.sin(0.01 * i)));
