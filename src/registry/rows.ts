/** Rows of the registry's tables, and audit entries from and to them. */
import type { Holders } from "../identity/mod.ts";
import { DomainError, type Queryable, type Witness } from "../storage/mod.ts";
import type { Manifest } from "./manifest.ts";
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

/** Serves a version and retires the one served so far. */
export async function serve(
  tx: Queryable,
  { name, version, served, decision }: { name: string; version: number; served: number | null; decision: Decision },
): Promise<void> {
  await tx.query(
    "UPDATE sulcus.model_versions SET state = 'retired' WHERE name = $1 AND version = $2",
    [name, served],
  );
  await tx.query(
    `UPDATE sulcus.model_versions SET state = 'served', approved_by = $3, approved_at = now(), note = $4
     WHERE name = $1 AND version = $2`,
    [name, version, decision.approvedBy, decision.note ?? null],
  );
}

/** `job` made it in this installation; the job that an imported manifest names belongs to another one. */
export async function insertCandidate(
  on: Queryable,
  { name, version }: Manifest,
  { bytes, job }: { readonly bytes: number; readonly job?: string },
): Promise<void> {
  await on.query(
    `INSERT INTO sulcus.model_versions (name, version, state, shipped, bytes, job)
     VALUES ($1, $2, 'candidate', false, $3, $4)`,
    [name, version, bytes, job ?? null],
  );
}

/** The project that a model belongs to, or null. */
export async function projectOfModel(on: Queryable, name: string): Promise<string | null> {
  const { rows } = await on.query<{ project: string | null }>(
    "SELECT project FROM sulcus.model_owners WHERE name = $1",
    [name],
  );
  return rows[0]?.project ?? null;
}

/**
 * Gives a model that has no other version to a project. @throws {DomainError} `conflict`: others have a model of this name
 */
export async function holdModel(
  tx: Queryable,
  { name, version }: Manifest,
  { owner, project }: Holders,
): Promise<void> {
  await tx.query(
    `INSERT INTO sulcus.model_owners (name, owner, project)
     SELECT $1::text, $2::text, $3::text
     WHERE NOT EXISTS (SELECT 1 FROM sulcus.model_versions WHERE name = $1 AND version <> $4)
     ON CONFLICT (name) DO NOTHING`,
    [name, owner, project, version],
  );
  if (await projectOfModel(tx, name) === project) return;
  throw new DomainError(
    "conflict",
    "Cannot import the model for this project: there is a model of this name that is not the project's; share that " +
      "with it, or choose another name",
  );
}

/** A person brought a package from outside. */
export async function writeImport(
  tx: Queryable,
  { name, version }: Manifest,
  { actor = "import", witness }: { readonly actor?: string; readonly witness?: Witness },
): Promise<void> {
  await writeAudit(tx, { approvedBy: actor, action: "import", model: name, version, formerVersion: null });
  await witness?.(tx, `${name}/${version}`);
}

/** A person has set that packages show cases: the audit trail says which of them do. */
export async function writePackaged(tx: Queryable, { name, version }: Manifest): Promise<void> {
  const note = "The package names cases and shows pictures of them, as the setting of packages' reports says";
  await writeAudit(tx, {
    approvedBy: "setting",
    action: "show-cases",
    model: name,
    version,
    formerVersion: null,
    note,
  });
}
