/** Every ten minutes the service removes what nothing belongs to any more: by age, since younger things may be under way. */
import { SYSTEM } from "../audit/mod.ts";
import { DomainError, sweepFolder } from "../storage/mod.ts";
import type { Services } from "./http/services.ts";
import { type Logger, traceOf } from "./observe/log.ts";
import type { Retention } from "./settings.ts";

const DAY_MS = 24 * 3600 * 1000;
const SWEEP_MS = 600_000;
/** Age of things that a request or a job would still be writing. */
export const LEFT_BEHIND_MS = DAY_MS;

type Swept = Pick<Services, "datasets" | "registry" | "spool" | "audit"> & {
  readonly dataDirectory: string;
  readonly retention: Retention;
};

/** Sweeps once. */
export async function sweep(swept: Swept, now = Date.now()): Promise<void> {
  const { datasets, registry, spool, dataDirectory } = swept;
  await deleteOutdated(swept, now);
  const before = now - LEFT_BEHIND_MS;
  await spool.sweep(now);
  await registry.sweep(before);
  await datasets.sweep(before);
  for (const folder of ["results", "calibration"]) await sweepFolder(`${dataDirectory}/${folder}`, { before });
  await sweepFolder(`${dataDirectory}/backup`, { before, isOrphan: () => true }); // dumps that nobody fetched
}

/** Deletes data sets whose time is over, and writes into the audit trail that a setting did. */
async function deleteOutdated({ datasets, audit, retention: { datasetDays } }: Swept, now: number): Promise<void> {
  if (datasetDays === null) return;
  for (const { id, createdAt } of await datasets.list()) {
    if (Date.parse(createdAt) + datasetDays * DAY_MS > now) continue;
    try {
      await datasets.delete(id);
    } catch (error) {
      const isOpen = error instanceof DomainError && (error.code === "dataset-in-use" || error.code === "not-found");
      if (!isOpen) throw error;
      continue;
    }
    await audit.record({ who: SYSTEM, action: "retention", object: { kind: "dataset", id }, outcome: "success" });
  }
}

/** Sweeps from now on; failures are logged and tried again. */
export function startSweeps(swept: Swept, log: Logger): Disposable {
  const run = () => sweep(swept).catch((error) => log({ level: "error", event: "sweep-failed", ...traceOf(error) }));
  const timer = setInterval(run, SWEEP_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
