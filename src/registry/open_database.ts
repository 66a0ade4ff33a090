/** Opens the database that the settings ask for and brings its schema up to date. */
import type { Database, DatabaseOptions } from "./database.ts";
import { DomainError } from "./errors.ts";

/**
 * Opens PGlite (and locks the data directory) or PostgreSQL, and runs the migrations.
 * @throws {DomainError} `locked` when another live process has the data directory; `database-unavailable`
 */
export function openDatabase(_options: DatabaseOptions): Promise<Database> {
  throw new DomainError("internal", "Cannot do this yet");
}
