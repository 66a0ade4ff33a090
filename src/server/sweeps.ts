/** Every ten minutes the service removes what nothing belongs to any more: by age, since younger things may be under way. */
import { sweepFolder } from "../storage/mod.ts";
import type { Services } from "./http/services.ts";
import { type Logger, traceOf } from "./observe/log.ts";

const SWEEP_MS = 600_000;
/** Age of things that a request or a job would still be writing. */
export const LEFT_BEHIND_MS = 24 * 3600 * 1000;

type Swept = Pick<Services, "datasets" | "registry" | "spool"> & { readonly dataDirectory: string };

/** Sweeps once. */
export async function sweep({ datasets, registry, spool, dataDirectory }: Swept, now = Date.now()): Promise<void> {
  const before = now - LEFT_BEHIND_MS;
  await spool.sweep(now);
  await registry.sweep(before);
  await datasets.sweep(before);
  for (const folder of ["results", "calibration"]) await sweepFolder(`${dataDirectory}/${folder}`, { before });
  await sweepFolder(`${dataDirectory}/backup`, { before, isOrphan: () => true }); // dumps that nobody fetched
}

/** Sweeps from now on; failures are logged and tried again. */
export function startSweeps(swept: Swept, log: Logger): Disposable {
  const run = () => sweep(swept).catch((error) => log({ level: "error", event: "sweep-failed", ...traceOf(error) }));
  const timer = setInterval(run, SWEEP_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
