/** The services that routes use: a plain object, so that a test can replace any of them. */
import type { AuditForwarder, AuditTrail } from "../../audit/mod.ts";
import type { Datasets } from "../../datasets/mod.ts";
import type { Jobs } from "../../jobs/mod.ts";
import type { Access, Logins, Projects, QuotaBook } from "../../identity/mod.ts";
import type { Database } from "../../storage/mod.ts";
import type { Readers } from "../../process/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { DeviceMemories } from "../observe/device_memory.ts";
import type { DeviceState } from "../observe/devices.ts";
import type { Health } from "../observe/health.ts";
import type { Logger } from "../observe/log.ts";
import type { ServerMetrics } from "../observe/metrics.ts";
import type { ServerSettings } from "../settings.ts";
import type { Admission } from "./admission.ts";
import type { Spool } from "./spool.ts";

/** The public members of a class, so that a replacement needs no private fields. */
type PublicOf<T> = { readonly [K in keyof T]: T[K] };

export interface Services {
  readonly settings: ServerSettings;
  readonly database: Pick<Database, "query" | "kind">;
  readonly audit: PublicOf<AuditTrail>;
  /** Absent: the trail is sent nowhere. */
  readonly auditReceiver?: Pick<AuditForwarder, "behind" | "connected">;
  readonly registry: PublicOf<Registry>;
  readonly datasets: PublicOf<Datasets>;
  readonly jobs: PublicOf<Jobs>;
  readonly logins: PublicOf<Logins>;
  readonly access: PublicOf<Access>;
  readonly projects: PublicOf<Projects>;
  readonly quotas: PublicOf<QuotaBook>;
  readonly devices: PublicOf<DeviceState>;
  readonly deviceMemory: PublicOf<DeviceMemories>;
  readonly health: PublicOf<Health>;
  readonly metrics: ServerMetrics;
  readonly spool: PublicOf<Spool>;
  readonly admission: PublicOf<Admission>;
  /** Read the files of strangers. */
  readonly readers: Readers;
  readonly log: Logger;
  /** Aborts when the server begins to stop: event streams end. */
  readonly stopping: AbortSignal;
  readonly commit: string;
}
