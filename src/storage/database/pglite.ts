/** PGlite, the PostgreSQL inside this process, as a {@link Database}. */
import { PGlite, type Transaction } from "@electric-sql/pglite";
import type { Database, Queryable } from "./database.ts";
import { closeToOthers } from "../files/private.ts";
import { ofEmbedded } from "./unavailable.ts";

function fail(error: unknown): never {
  throw ofEmbedded(error);
}

/** Queries may hold the thread for so long together before others have their turn, ms. */
const MOST_HELD_MS = 10;

/**
 * Lets others have their turn between queries. The embedded database answers on this thread and at once, so that a thousand
 * queries in a row would hold it for a second.
 */
class Turns {
  #heldMs = 0;

  async after<T>(query: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await query();
    } finally {
      this.#heldMs += performance.now() - began;
      if (this.#heldMs > MOST_HELD_MS) {
        this.#heldMs = 0;
        await new Promise<void>((resolve) => setTimeout(resolve));
      }
    }
  }
}

/** Opens the database in `directory` (absent: in memory, for tests). */
export async function openPglite(directory?: string): Promise<Database> {
  const startParams = [...PGlite.defaultStartParams, "-c", "wal_recycle=off"]; // a recycled log keeps deleted rows
  const pglite = await PGlite.create({ startParams, ...(directory && { dataDir: directory }) });
  if (directory !== undefined) await closeToOthers(directory); // it sets the rights of its first files itself
  const turns = new Turns();
  const on = (target: PGlite | Transaction): Queryable => ({
    async query<Row>(sql: string, params: readonly unknown[] = []) {
      const { rows, affectedRows } = await turns.after(() => target.query<Row>(sql, [...params])).catch(fail);
      return { rows, affected: affectedRows ?? rows.length };
    },
    async script(sql) {
      const results = await target.exec(sql).catch(fail);
      return { rows: results.flatMap((r) => r.rows as Record<string, unknown>[]) };
    },
  });
  const whole = on(pglite);
  return {
    ...whole,
    kind: "pglite",
    async script(sql) {
      try {
        return await whole.script(sql);
      } catch (error) {
        // a failed BEGIN … COMMIT block leaves the only connection inside an aborted transaction
        await pglite.exec("ROLLBACK");
        throw error;
      }
    },
    transaction: <T>(fn: (tx: Queryable) => Promise<T>) => pglite.transaction((tx) => fn(on(tx))).catch(fail),
    async purge(tables) {
      for (const table of tables) await whole.script(`VACUUM FULL ${table}`);
      // The write-ahead log has the rows too: a checkpoint removes its segments but for the one in use.
      await whole.script("CHECKPOINT");
      await whole.query("SELECT pg_switch_wal()");
      await whole.script("CHECKPOINT");
    },
    close: () => pglite.close(),
  };
}
