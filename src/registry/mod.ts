/**
 * Model packages and their life: manifest, files, hashes, versions, candidate → served → retired, and an audit of every
 * decision. Knows neither HTTP nor what is inside a network; whoever opens the registry hands in the check of a network.
 */
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
  specSchema,
  versionSchema,
} from "./manifest.ts";
export type { PackageStream } from "./archive.ts";
export { readPackage, verifyPackage } from "./package.ts";
export { PACKAGED_REPORTS, type PackagedReports, removeReport } from "./reports.ts";
export { type Bringer, Registry, type RegistryOptions } from "./store.ts";
export {
  type AuditEntry,
  type Decision,
  type ModelSummary,
  type ModelVersion,
  VERSION_STATES,
  type VersionState,
} from "./types.ts";
