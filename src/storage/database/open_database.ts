/** Opens the database that the settings ask for and brings its schema up to date. */
import type { Database, DatabaseOptions } from "./database.ts";
import { acquireLock } from "../files/lock.ts";
import { privateFolder } from "../files/private.ts";
import { migrate } from "./migrations.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";

/**
 * Opens PGlite (and locks the data directory) or PostgreSQL, and runs the migrations.
 * @throws {DomainError} `locked` when another live process has the data directory; `database-unavailable`;
 * `database-too-new`
 */
export async function openDatabase({ dataDirectory, url }: DatabaseOptions): Promise<Database> {
  await privateFolder(dataDirectory);
  const database = url ? await openPostgres(url) : await openLocked(dataDirectory);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

async function openLocked(dataDirectory: string): Promise<Database> {
  const lock = await acquireLock(`${dataDirectory}/sulcus.lock`, { what: "the data directory" });
  try {
    const database = await openPglite(`${dataDirectory}/pg`);
    return {
      ...database,
      async close() {
        await database.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
