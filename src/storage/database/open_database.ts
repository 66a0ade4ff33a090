/** Opens the database that the settings ask for and brings its schema up to date. */
import type { Database, DatabaseOptions } from "./database.ts";
import { DomainError } from "../errors.ts";
import { exists } from "../files/files.ts";
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
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  await privateFolder(options.dataDirectory);
  if (await exists(`${options.dataDirectory}/restore-incomplete`)) {
    throw new DomainError(
      "conflict",
      "Cannot open the data directory: a restore into it has not ended. Empty it and restore again",
    );
  }
  const database = await openEmptyDatabase(options);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** Opens the same database without bringing its schema up to date: for a restore. */
export async function openEmptyDatabase({ dataDirectory, url }: DatabaseOptions): Promise<Database> {
  return url ? await openPostgres(url) : await openLocked(dataDirectory);
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
