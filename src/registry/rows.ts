/** Rows of the registry's tables, and audit entries from and to them. */
import type { Queryable } from "../storage/mod.ts";
import type { AuditEntry, Decision, VersionState } from "./types.ts";

export interface VersionRow {
  readonly name: string;
  readonly version: number;
  readonly state: VersionState;
  readonly shipped: boolean;
  readonly added_at: Date;
  readonly approved_by: string | null;
  readonly approved_at: Date | null;
  readonly note: string | null;
}
export const VERSION_COLUMNS = "name, version, state, shipped, added_at, approved_by, approved_at, note";

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly actor: string;
  readonly action: AuditEntry["action"];
  readonly model: string;
  readonly version: number;
  readonly former_version: number | null;
  readonly note: string | null;
}
export const AUDIT_COLUMNS = "id::text AS id, at, actor, action, model, version, former_version, note";

export function auditFromRow({ former_version, at, ...rest }: AuditRow): AuditEntry {
  return { ...rest, at: at.toISOString(), formerVersion: former_version };
}

export async function writeAudit(
  tx: Queryable,
  entry: Decision & Pick<AuditEntry, "action" | "model" | "version" | "formerVersion">,
): Promise<void> {
  await tx.query(
    "INSERT INTO sulcus.audit (actor, action, model, version, former_version, note) VALUES ($1, $2, $3, $4, $5, $6)",
    [entry.approvedBy, entry.action, entry.model, entry.version, entry.formerVersion, entry.note ?? null],
  );
}
