/**
 * What outlives the process: the database and its schema, files that are whole or absent, locks, zip archives; and the
 * refusals with stable codes that these and the rooms above share. Knows nothing of what is stored.
 */
export type { Database, DatabaseOptions, Queryable } from "./database.ts";
export { DOMAIN_CODES, DomainError, type DomainErrorCode } from "./errors.ts";
export {
  digestFile,
  exists,
  type ReceivedFile,
  receiveFile,
  removeIfPresent,
  syncDirectory,
  writeFileAtomic,
  writeSynced,
} from "./files.ts";
export { acquireLock, type Lock } from "./lock.ts";
export { openDatabase } from "./open_database.ts";
export { type ZipEntry, type ZipLimits, ZipReader } from "./zip_reader.ts";
export { writeZip, type ZipSource } from "./zip_writer.ts";
