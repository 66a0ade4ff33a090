/**
 * Data that outlives the process: the database and its schema, files that are whole or absent, locks, zip archives; and
 * the refusals with stable codes that these and the rooms above share. Knows nothing of the meaning of the data.
 */
export { type Database, type DatabaseOptions, isUuid, type Queryable, type Witness } from "./database/database.ts";
export { isNoted, noteRemovals, removeNoted } from "./database/removals.ts";
export { answerDumps, askForDump } from "./backup/requests.ts";
export {
  type Backup,
  type Held,
  holds,
  INCOMPLETE,
  listBackups,
  makeBackup,
  removeBackup,
  restoreBackup,
} from "./backup/backup.ts";
export { dumpTo } from "./backup/dump.ts";
export { openDatabase, openEmptyDatabase } from "./database/open_database.ts";
export { DOMAIN_CODES, DomainError, type DomainErrorCode } from "./errors.ts";
export {
  digestFile,
  exists,
  type ReceivedFile,
  receiveFile,
  removeIfEmpty,
  removeIfPresent,
  syncDirectory,
  writeWhole,
} from "./files/files.ts";
export { faultOf } from "./files/fault.ts";
export { parseForeignJson, unstorable } from "./files/json.ts";
export { csvLine, parseCsv } from "./files/csv.ts";
export { keepPrivate, privateFolder } from "./files/private.ts";
export { isTemporary, sweepFolder } from "./files/sweep.ts";
export { acquireLock, type Lock } from "./files/lock.ts";
export { type ZipEntry, type ZipLimits, ZipReader } from "./zip/zip_reader.ts";
export { writeZip, type ZipSource } from "./zip/zip_writer.ts";
