/**
 * The database as the rooms above see it: one small interface, two implementations (PGlite in the data directory,
 * PostgreSQL by URL), both speaking the PostgreSQL dialect with `$1` parameters. Not an ORM.
 */

/** Runs one statement. */
export interface Queryable {
  /** @returns the rows, and how many rows the statement touched */
  query<Row = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly affected: number }>;
}

export interface Database extends Queryable {
  /** "pglite": this process alone holds the data; "postgres": other processes may share it. */
  readonly kind: "pglite" | "postgres";
  /** Runs `fn` in a transaction: commits when it resolves, rolls back when it throws. Inside, use only `tx`. */
  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Runs several statements without parameters (migrations, pg-boss's schema). */
  script(sql: string): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Holds `pg/` and the lock file; made when absent. */
  readonly dataDirectory: string;
  /** `postgres://…`; absent: PGlite in `<dataDirectory>/pg`. */
  readonly url?: string;
}
