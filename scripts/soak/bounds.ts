/** What a soak must show. */
import type { SoakReport } from "./soak.ts";

export type Soaked = SoakReport & { readonly exitCode: number; readonly temporaryLeft: readonly string[] };

/** A probe of a service that is alive is answered within these times, whatever it has to do. */
const BOUNDS = { p99Ms: 100, maxMs: 1000, growthMb: 100 } as const;

/** Each kind of work must have been done. */
const DONE = ["segment", "classify", "job succeeded", "mask", "finetune succeeded", "upload", "import", "delete"];

/** The bounds that hold on every machine, and were broken. */
export function brokenBounds(report: Soaked): string[] {
  const { probe, memoryGrowthMb, before, after, killed, kills, wrong, leftBehind, statuses } = report;
  const { tables: _, ...counted } = after.handles, kinds = Object.keys(counted) as (keyof typeof counted)[];
  const lost = Math.max(...kinds.map((kind) => after.handles[kind] - before.handles[kind]));
  const done = (what: string) =>
    Object.keys(statuses[what] ?? {}).some((status) => Number(status) < 300 && status !== "0");
  const bounds: [string, boolean][] = [
    [`the probe failed ${probe.failed} times`, probe.failed > 0],
    [`memory grew by ${memoryGrowthMb} MB, more than ${BOUNDS.growthMb}`, memoryGrowthMb > BOUNDS.growthMb],
    [`file handles were lost: ${JSON.stringify([before.handles, after.handles])}`, lost > 0],
    [`something was left behind: ${leftBehind.slice(0, 5)}`, leftBehind.length > 0],
    [`temporary files were left: ${report.temporaryLeft.slice(0, 5)}`, report.temporaryLeft.length > 0],
    [`${wrong.length} replies above 499 but for 503`, wrong.length > 0],
    ["no child was killed", killed === 0],
    [`the service did not recover from ${kills.unrecovered} kills`, kills.unrecovered > 0],
    [`the service ended with ${report.exitCode}`, report.exitCode !== 0],
    ...DONE.map((what): [string, boolean] => [`nothing succeeded of: ${what}`, !done(what)]),
  ];
  return bounds.flatMap(([what, isBroken]) => isBroken ? [what] : []);
}

/** The bounds of time, which a machine that others use too may break. */
export function brokenTimes({ probe }: Soaked): string[] {
  const bounds: [string, boolean][] = [
    [`the probe's p99 is ${probe.p99Ms} ms, above ${BOUNDS.p99Ms}`, probe.p99Ms > BOUNDS.p99Ms],
    [`the probe took ${probe.maxMs} ms, more than ${BOUNDS.maxMs}`, probe.maxMs > BOUNDS.maxMs],
  ];
  return bounds.flatMap(([what, isBroken]) => isBroken ? [what] : []);
}
