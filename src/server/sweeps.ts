/** Every ten minutes the service removes what nothing belongs to any more: by age, since younger things may be under way. */
import { SYSTEM, witnessOf } from "../audit/mod.ts";
import { sweepFolder } from "../storage/mod.ts";
import type { Services } from "./http/services.ts";
import { type Logger, traceOf } from "./observe/log.ts";

const DAY_MS = 24 * 3600 * 1000;
const SWEEP_MS = 600_000;
/** Age of things that a request or a job would still be writing. */
export const LEFT_BEHIND_MS = DAY_MS;

type Swept =
  & Pick<Services, "datasets" | "registry" | "spool" | "audit" | "auditReceiver" | "projects" | "quotas" | "logins">
  & { readonly dataDirectory: string };

/** Sweeps once. */
export async function sweep(swept: Swept, now = Date.now()): Promise<void> {
  const { datasets, registry, spool, quotas, logins, dataDirectory } = swept;
  await deleteOutdated(swept, now);
  const before = now - LEFT_BEHIND_MS;
  await spool.sweep(now);
  await registry.sweep(before);
  await datasets.sweep(before);
  await quotas.sweep();
  await logins.sweep();
  for (const folder of ["results", "calibration"]) await sweepFolder(`${dataDirectory}/${folder}`, { before });
  await sweepFolder(`${dataDirectory}/backup`, { before, isOrphan: () => true }); // dumps that nobody fetched
}

/** Deletes what its project keeps no longer; the audit trail says that a setting did. Jobs sweep themselves. */
async function deleteOutdated(
  { datasets, registry, projects, audit, auditReceiver }: Swept,
  now: number,
): Promise<void> {
  const policies = await projects.policies();
  const by = (kind: "dataset" | "model") => (id: string) =>
    witnessOf({ who: SYSTEM, action: "retention", object: { kind, id } });
  await datasets.deleteOutdated(policies, now, by("dataset"));
  await registry.deleteOutdated(policies, now, by("model"));
  const end = policies.endOfShared("auditDays", now);
  if (end === -Infinity) return;
  // Entries that the receiver does not have yet stay.
  const upTo = auditReceiver && (await audit.head()).seq - await auditReceiver.behind();
  await audit.prune(new Date(end), SYSTEM, { upTo });
}

/** Sweeps from now on; failures are logged and tried again. */
export function startSweeps(swept: Swept, log: Logger): Disposable {
  const run = () => sweep(swept).catch((error) => log({ level: "error", event: "sweep-failed", ...traceOf(error) }));
  const timer = setInterval(run, SWEEP_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
