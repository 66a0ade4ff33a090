/**
 * Model packages and their life: manifest, files, hashes, versions, candidate → served → retired; and the database that
 * keeps such states. It knows neither HTTP nor what is inside a network.
 */
export type { Database, DatabaseOptions, Queryable } from "./database.ts";
export { DOMAIN_CODES, DomainError, type DomainErrorCode } from "./errors.ts";
export { digestFile, exists, type ReceivedFile, receiveFile, removeIfPresent, writeFileAtomic } from "./files.ts";
export { acquireLock, type Lock } from "./lock.ts";
export { type ImportRequest, importRequestSchema } from "./import_request.ts";
export { exportWeights, type WeightExport } from "./export_weights.ts";
export type { ImportReport } from "./import_result.ts";
export {
  LABEL_COLOURS,
  labelSchema,
  type Manifest,
  type ManifestDraft,
  manifestSchema,
  modelNameSchema,
  parseManifest,
  type Provenance,
  specOf,
  versionSchema,
} from "./manifest.ts";
export type { PackageStream } from "./archive.ts";
export { openDatabase } from "./open_database.ts";
export { readPackage, verifyPackage } from "./package.ts";
export { Registry, type RegistryOptions } from "./store.ts";
export { type ZipEntry, type ZipLimits, ZipReader } from "./zip_reader.ts";
export {
  type AuditEntry,
  type Decision,
  type ModelSummary,
  type ModelVersion,
  VERSION_STATES,
  type VersionState,
} from "./types.ts";
