/** The schema, as numbered steps. A released step never changes; a change is a new step. */
import type { Database, Queryable } from "./database.ts";
import { DomainError } from "../errors.ts";

/** Step n (from 1) brings the schema from version n - 1 to n. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sulcus.model_versions (
    name text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL CHECK (state IN ('candidate', 'served', 'retired')),
    shipped boolean NOT NULL,
    job text UNIQUE,
    former_version integer,
    added_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    note text,
    PRIMARY KEY (name, version)
  );
  CREATE UNIQUE INDEX model_versions_one_served ON sulcus.model_versions (name) WHERE state = 'served';

  CREATE TABLE sulcus.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    model text NOT NULL,
    version integer NOT NULL,
    former_version integer,
    note text
  );

  CREATE TABLE sulcus.datasets (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    task text NOT NULL,
    modalities jsonb NOT NULL,
    labels jsonb NOT NULL,
    classes jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE sulcus.dataset_cases (
    id uuid PRIMARY KEY,
    dataset uuid NOT NULL REFERENCES sulcus.datasets (id) ON DELETE CASCADE,
    name text NOT NULL,
    patient text,
    class text,
    UNIQUE (dataset, name)
  );
  CREATE TABLE sulcus.dataset_files (
    case_id uuid NOT NULL REFERENCES sulcus.dataset_cases (id) ON DELETE CASCADE,
    role text NOT NULL,
    file text NOT NULL,
    sha256 text NOT NULL,
    bytes bigint NOT NULL,
    info jsonb NOT NULL,
    PRIMARY KEY (case_id, role)
  );

  CREATE TABLE sulcus.jobs (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    input jsonb NOT NULL,
    dataset uuid,
    runner uuid,
    attempts integer NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    progress jsonb,
    validation jsonb,
    result jsonb,
    error jsonb
  );
  CREATE INDEX jobs_seq ON sulcus.jobs (seq);
  CREATE INDEX jobs_open ON sulcus.jobs (state) WHERE state IN ('queued', 'running');
  CREATE TABLE sulcus.job_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job uuid NOT NULL REFERENCES sulcus.jobs (id) ON DELETE CASCADE,
    type text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX job_events_job ON sulcus.job_events (job, id);
  `,
  `
  ALTER TABLE sulcus.jobs ADD COLUMN awaited boolean NOT NULL DEFAULT false;
  ALTER TABLE sulcus.jobs ADD COLUMN transient boolean NOT NULL DEFAULT false;
  `,
  // Until here the name of a case stood for its patient wherever nobody had named one.
  `
  ALTER TABLE sulcus.dataset_cases ADD COLUMN patient_from text;
  ALTER TABLE sulcus.dataset_cases ADD COLUMN excluded text;
  UPDATE sulcus.dataset_cases SET patient = NULL WHERE patient = name;
  UPDATE sulcus.dataset_cases SET patient_from = 'named' WHERE patient IS NOT NULL;
  `,
  // The trail of who did what: rows are added, and deleted only from the beginning, by the one place that says so.
  `
  CREATE TABLE sulcus.audit_events (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    record text NOT NULL,
    previous text NOT NULL,
    hash text NOT NULL
  );
  CREATE INDEX audit_events_at ON sulcus.audit_events (at);
  CREATE TABLE sulcus.audit_receivers (
    name text PRIMARY KEY,
    sent bigint NOT NULL
  );
  CREATE FUNCTION sulcus.keep_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'DELETE' AND current_setting('sulcus.audit_prune', true) = 'on' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'entries of the audit trail are never changed';
  END $$;
  CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON sulcus.audit_events
    FOR EACH ROW EXECUTE FUNCTION sulcus.keep_audit_events();
  CREATE TRIGGER keep_all BEFORE TRUNCATE ON sulcus.audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION sulcus.keep_audit_events();
  `,
  // An object without an owner belongs to everybody with the role: all that were stored until here.
  `
  ALTER TABLE sulcus.jobs ADD COLUMN owner text;
  CREATE INDEX jobs_owner ON sulcus.jobs (owner) WHERE owner IS NOT NULL;
  ALTER TABLE sulcus.datasets ADD COLUMN owner text;
  ALTER TABLE sulcus.datasets ADD COLUMN project text;
  CREATE TABLE sulcus.model_owners (
    name text PRIMARY KEY,
    owner text,
    project text
  );
  CREATE TABLE sulcus.tokens (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    hash text NOT NULL,
    role text NOT NULL,
    projects jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
  );
  CREATE TABLE sulcus.sessions (
    digest text PRIMARY KEY,
    identity jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
  );
  CREATE TABLE sulcus.usage (
    owner text NOT NULL,
    day date NOT NULL,
    bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, day)
  );
  `,
  // Statistics of a column hold its values, and outlive deleted rows: none of those that may name patients.
  `
  ALTER TABLE sulcus.dataset_cases ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN patient SET STATISTICS 0,
    ALTER COLUMN excluded SET STATISTICS 0;
  ALTER TABLE sulcus.datasets ALTER COLUMN name SET STATISTICS 0;
  ALTER TABLE sulcus.jobs ALTER COLUMN input SET STATISTICS 0, ALTER COLUMN error SET STATISTICS 0;
  ALTER TABLE sulcus.job_events ALTER COLUMN data SET STATISTICS 0;
  `,
  "ALTER TABLE sulcus.usage ADD COLUMN device_seconds double precision NOT NULL DEFAULT 0",
  // Who asked for a job, for the trail when it ends. Of earlier jobs the name is not known.
  `
  ALTER TABLE sulcus.jobs ADD COLUMN asked_by jsonb NOT NULL DEFAULT '{"id": "local", "name": "local", "via": "none"}';
  UPDATE sulcus.jobs SET asked_by = jsonb_build_object(
    'id', owner, 'name', owner, 'via', CASE WHEN owner LIKE 'token:%' THEN 'token' ELSE 'oidc' END
  ) WHERE owner IS NOT NULL;
  `,
  "ALTER TABLE sulcus.jobs ADD COLUMN traceparent text",
  // The checks of a data set's cases, and the hash of the rows that they were made of.
  `
  CREATE TABLE sulcus.dataset_checks (
    dataset uuid PRIMARY KEY REFERENCES sulcus.datasets (id) ON DELETE CASCADE,
    key text NOT NULL,
    verdict jsonb NOT NULL
  );
  ALTER TABLE sulcus.dataset_checks ALTER COLUMN verdict SET STATISTICS 0;
  `,
  // What each project keeps, whose a job is, files that go with deleted rows, and files with free text of earlier versions.
  `
  CREATE TABLE sulcus.projects (
    name text PRIMARY KEY,
    policy jsonb NOT NULL
  );
  CREATE TABLE sulcus.removals (path text PRIMARY KEY);
  ALTER TABLE sulcus.jobs ADD COLUMN project text;
  UPDATE sulcus.jobs j SET project = d.project FROM sulcus.datasets d WHERE d.id = j.dataset;
  ALTER TABLE sulcus.model_versions ADD COLUMN bytes bigint;
  ALTER TABLE sulcus.dataset_files ADD COLUMN has_text boolean NOT NULL DEFAULT true;
  ALTER TABLE sulcus.dataset_files ALTER COLUMN has_text SET DEFAULT false;
  `,
];

/** Serialises migrations between processes; any constant that no other lock of the database has. */
const ADVISORY_LOCK = 7_263_185;

/**
 * Brings the schema up to date, all steps in one transaction with their entries in the list of steps.
 * @throws {DomainError} `database-too-new` a newer program migrated it further
 */
export async function migrate(database: Database, steps: readonly string[] = MIGRATIONS): Promise<void> {
  await database.transaction((tx) => migrateIn(tx, steps));
}

/** {@link migrate} as part of a transaction. */
export async function migrateIn(tx: Queryable, steps: readonly string[] = MIGRATIONS): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
  await tx.query("CREATE SCHEMA IF NOT EXISTS sulcus");
  await tx.query(
    "CREATE TABLE IF NOT EXISTS sulcus.migrations (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())",
  );
  const { rows } = await tx.query<{ version: number | null }>(
    "SELECT max(version) AS version FROM sulcus.migrations",
  );
  const found = rows[0].version ?? 0;
  if (found > steps.length) {
    throw new DomainError(
      "database-too-new",
      `Cannot use the database: expected schema version ${steps.length} or less, got ${found}: a newer version of Sulcus ` +
        "has used it. Start that version or a newer one, or restore the backup that was made before the upgrade",
    );
  }
  for (let version = found + 1; version <= steps.length; version++) {
    await tx.script(steps[version - 1]);
    await tx.query("INSERT INTO sulcus.migrations (version) VALUES ($1)", [version]);
  }
}
