/**
 * The database as the rooms above see it: one small interface, two implementations (PGlite in the data directory,
 * PostgreSQL by URL), both in the PostgreSQL dialect with `$1` parameters. Not an ORM.
 *
 * Both return text, boolean, integer, uuid as strings, timestamptz as `Date`, jsonb as values; cast bigint to text.
 * Both take strings, numbers, booleans, null, `Date`; pass JSON as text.
 */

export interface Queryable {
  /** Runs one statement; returns its rows and the number of rows that it affected. */
  query<Row = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly affected: number }>;
  /** Runs several statements without parameters; returns the rows of all of them together. */
  script(sql: string): Promise<{ readonly rows: Record<string, unknown>[] }>;
}

export interface Database extends Queryable {
  /** "pglite": this process alone has the data; "postgres": other processes may share it. */
  readonly kind: "pglite" | "postgres";
  /** Runs `fn` in a transaction: commits when it resolves, rolls back when it throws. Inside, use only `tx`. */
  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * Rewrites tables, so that rows that were deleted from them are gone from the database's files; PostgreSQL would keep
   * their bytes until the space is used again.
   */
  purge(tables: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes down that something was done, in the transaction that does it, so that both are stored or neither. Called last:
 * the trail that it writes is locked until the transaction ends. `made` is the id of what was made.
 */
export type Witness = (tx: Queryable, made?: string) => Promise<void>;

export interface DatabaseOptions {
  /** Holds `pg/` and the lock file; made when absent. */
  readonly dataDirectory: string;
  /** `postgres://…`; absent: PGlite in `<dataDirectory>/pg`. */
  readonly url?: string;
}

/** Reports whether a text is a UUID: PostgreSQL fails on a comparison of its type `uuid` with any other text. */
export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}
