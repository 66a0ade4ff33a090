/**
 * The rows of every table as JSON lines, and back. A dump is one consistent state: it is read in one transaction. The queue's
 * own tables are left out, because open jobs are queued again at a start.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Database, Queryable, Witness } from "../database/database.ts";
import { migrateIn, MIGRATIONS } from "../database/migrations.ts";
import { DomainError } from "../errors.ts";
import { writeWhole } from "../files/files.ts";

/** Rows that are read and written together. */
const BATCH = 500;

export interface DumpedTable {
  readonly name: string;
  readonly rows: number;
}

export interface Dump {
  /** Steps of the schema that the rows have. */
  readonly schemaVersion: number;
  /** Each after those that its rows refer to. */
  readonly tables: readonly DumpedTable[];
  /** Ids of the data sets, so that it shows which backups hold a deleted one. */
  readonly datasets: readonly string[];
  /** Files without which the rows mean nothing, by their paths below the data directory. */
  readonly files: readonly string[];
}

/** Writes `<folder>/<table>.jsonl` for every table; then `witness` says so, where the schema has a trail already. */
export async function dumpTo(database: Database, folder: string, witness?: Witness): Promise<Dump> {
  const dump = await dumpRows(database, folder);
  const { rows } = await database.query<{ trail: string | null }>(
    "SELECT to_regclass('sulcus.audit_events')::text AS trail",
  );
  if (rows[0].trail !== null) await database.transaction(async (tx) => await witness?.(tx));
  return dump;
}

async function dumpRows(database: Database, folder: string): Promise<Dump> {
  return await database.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const tables: DumpedTable[] = [];
    for (const name of await tablesOf(tx)) {
      let rows = 0;
      await writeWhole(`${folder}/${name}.jsonl`, lines(tx, name, (count) => rows += count));
      tables.push({ name, rows });
    }
    const version = await tx.query<{ version: number }>("SELECT max(version) AS version FROM sulcus.migrations");
    const datasets = await tx.query<{ id: string }>("SELECT id FROM sulcus.datasets ORDER BY id");
    const files = await tx.query<{ file: string }>(
      `SELECT 'datasets/' || c.dataset || '/' || f.file AS file
       FROM sulcus.dataset_files f JOIN sulcus.dataset_cases c ON c.id = f.case_id
       UNION ALL SELECT 'models/' || name || '/' || version || '/manifest.json' FROM sulcus.model_versions WHERE NOT shipped`,
    );
    return {
      schemaVersion: version.rows[0].version,
      tables,
      datasets: datasets.rows.map(({ id }) => id),
      files: files.rows.map(({ file }) => file),
    };
  });
}

async function* lines(tx: Queryable, table: string, onRows: (count: number) => void): AsyncGenerator<Uint8Array> {
  await tx.query(`DECLARE dumped CURSOR FOR SELECT to_jsonb(t)::text AS row FROM sulcus.${table} t`);
  for (;;) {
    const { rows } = await tx.query<{ row: string }>(`FETCH ${BATCH} FROM dumped`);
    if (rows.length === 0) break;
    onRows(rows.length);
    yield new TextEncoder().encode(rows.map(({ row }) => row + "\n").join(""));
  }
  await tx.query("CLOSE dumped");
}

/** Tables with rows to keep, each after those that it refers to. */
async function tablesOf(on: Queryable): Promise<string[]> {
  const { rows } = await on.query<{ name: string; refers: string[] }>(
    `SELECT c.relname AS name, coalesce(array_agg(DISTINCT o.relname::text)
       FILTER (WHERE o.relname IS NOT NULL AND o.relname <> c.relname), '{}') AS refers
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f'
     LEFT JOIN pg_class o ON o.oid = f.confrelid
     WHERE n.nspname = 'sulcus' AND c.relkind = 'r' AND c.relname <> 'migrations' GROUP BY c.relname ORDER BY c.relname`,
  );
  const done: string[] = [];
  for (let left = rows; left.length > 0;) {
    const ready = left.filter(({ refers }) => refers.every((name) => done.includes(name)));
    if (ready.length === 0) throw new RangeError("Cannot order the tables: they refer to each other in a circle");
    done.push(...ready.map(({ name }) => name));
    left = left.filter(({ name }) => !done.includes(name));
  }
  return done;
}

/**
 * Puts the rows of a dump into an empty database: on the schema that they were dumped from, which is then brought up to
 * date. All in one transaction, so that an interrupted restore leaves an empty database.
 * @throws {DomainError} `database-too-new` a newer program made the dump; `conflict` the database is not empty
 */
export async function restoreRows(
  database: Database,
  { folder, dump, witness }: { readonly folder: string; readonly dump: Dump; readonly witness?: Witness | undefined },
): Promise<void> {
  checkSchemaVersion(dump);
  await database.transaction(async (tx) => {
    const { rows } = await tx.query<{ found: string | null }>(
      "SELECT to_regclass('sulcus.migrations')::text AS found",
    );
    if (rows[0].found !== null) {
      throw new DomainError(
        "conflict",
        "Cannot restore into this database: expected an empty one, got one with tables",
      );
    }
    await migrateIn(tx, MIGRATIONS.slice(0, dump.schemaVersion));
    for (const { name, rows } of dump.tables) {
      const restored = await restoreTable(tx, name, `${folder}/${name}.jsonl`);
      if (restored !== rows) {
        throw new DomainError("invalid-archive", `Cannot restore ${name}: expected ${rows} rows, got ${restored}`);
      }
    }
    await migrateIn(tx);
    await witness?.(tx);
  });
}

/** @throws {DomainError} `database-too-new` */
export function checkSchemaVersion({ schemaVersion }: Pick<Dump, "schemaVersion">): void {
  if (schemaVersion <= MIGRATIONS.length) return;
  throw new DomainError(
    "database-too-new",
    `Cannot restore this backup: a newer version of Sulcus made it (schema ${schemaVersion}; this one knows ` +
      `${MIGRATIONS.length}). Restore it with that version or a newer one`,
  );
}

async function restoreTable(tx: Queryable, table: string, path: string): Promise<number> {
  let count = 0, batch: string[] = [];
  const insert = async () => {
    await tx.query(
      `INSERT INTO sulcus.${table} OVERRIDING SYSTEM VALUE
       SELECT * FROM jsonb_populate_recordset(NULL::sulcus.${table}, $1::jsonb)`,
      [`[${batch.join(",")}]`],
    );
    count += batch.length;
    batch = [];
  };
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== "") batch.push(line);
    if (batch.length === BATCH) await insert();
  }
  if (batch.length > 0) await insert();
  const { rows } = await tx.query<{ column: string }>(
    `SELECT column_name AS column FROM information_schema.columns
     WHERE table_schema = 'sulcus' AND table_name = $1 AND is_identity = 'YES'`,
    [table],
  );
  for (const { column } of rows) {
    await tx.query(
      `SELECT setval(pg_get_serial_sequence('sulcus.${table}', '${column}'),
         (SELECT coalesce(max("${column}"), 0) + 1 FROM sulcus.${table}), false)`,
    );
  }
  return count;
}
