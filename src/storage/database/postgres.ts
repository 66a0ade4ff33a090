/** A PostgreSQL server as a {@link Database}, through a pool of `pg`. */
import pg from "pg";
import type { Database, Queryable } from "./database.ts";
import { DomainError } from "../errors.ts";
import { ofServer } from "./unavailable.ts";

/** The part of `pg` that this file uses; the package has no types of its own. */
interface Result {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number | null;
}
interface Runner {
  query(sql: string, params?: unknown[]): Promise<Result | Result[]>;
}
interface Client extends Runner {
  release(error?: Error): void;
}
interface Pool extends Runner {
  connect(): Promise<Client>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): void;
}

/**
 * Connects to the server.
 * @throws {DomainError} `database-unavailable`; the message never holds the URL, which has the password
 */
export async function openPostgres(url: string, { connections = 10 } = {}): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 10_000,
    application_name: "sulcus",
  }) as Pool;
  pool.on("error", () => {}); // an idle connection broke: the next query opens another one or reports the failure
  try {
    await pool.query("SELECT 1");
  } catch (error) {
    await pool.end();
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new DomainError("database-unavailable", `Cannot connect to PostgreSQL${code}`);
  }
  return {
    ...on(pool),
    kind: "postgres",
    async transaction(fn) {
      const client = await pool.connect().catch((error) => {
        throw ofServer(error);
      });
      let broken: Error | undefined;
      try {
        await client.query("BEGIN");
        const value = await fn(on(client));
        await client.query("COMMIT");
        return value;
      } catch (error) {
        await client.query("ROLLBACK").catch((e) => broken = e);
        throw ofServer(error);
      } finally {
        client.release(broken);
      }
    },
    async purge(tables) {
      for (const table of tables) await on(pool).script(`VACUUM FULL ${table}`);
    },
    close: () => pool.end(),
  };
}

function on(runner: Runner): Queryable {
  const run = (sql: string, params?: unknown[]) =>
    runner.query(sql, params).catch((error) => {
      throw ofServer(error);
    });
  return {
    async query<Row>(sql: string, params: readonly unknown[] = []) {
      const result = await run(sql, [...params]) as Result;
      return { rows: result.rows as Row[], affected: result.rowCount ?? 0 };
    },
    async script(sql) {
      const results = [await run(sql)].flat();
      return { rows: results.flatMap((r) => r.rows) };
    },
  };
}
