/**
 * The models of this installation: packages are files, states are rows. Not a cache: every call reads the truth.
 */
import type { Database } from "./database.ts";
import { DomainError } from "./errors.ts";
import type { ManifestDraft } from "./manifest.ts";
import type { AuditEntry, Decision, ModelSummary, ModelVersion } from "./types.ts";

export interface RegistryOptions {
  readonly database: Database;
  /** Packages made or imported here live in `<dataDirectory>/models`. */
  readonly dataDirectory: string;
  /** Packages that came with the program; never written to. */
  readonly shippedDirectory?: string;
  /** Refuses bytes that are no acceptable ONNX network, by throwing. */
  readonly checkNetwork?: (bytes: Uint8Array) => void;
}

const later = (): never => {
  throw new DomainError("internal", "Cannot do this yet");
};

export class Registry {
  /** Opens both roots and repairs what a crash left behind: packages without a row become candidates. */
  static open(_options: RegistryOptions): Promise<Registry> {
    return later();
  }
  /** Every model, by name. */
  list(): Promise<ModelSummary[]> {
    return later();
  }
  /** One model. @throws {DomainError} `not-found` */
  get(_name: string): Promise<ModelSummary> {
    return later();
  }
  /** One version. @throws {DomainError} `not-found` */
  version(_name: string, _version: number): Promise<ModelVersion> {
    return later();
  }
  /** The version asked for, or the served one. @throws {DomainError} `not-found`, `model-not-served` */
  resolve(_name: string, _version?: number): Promise<ModelVersion> {
    return later();
  }
  /** Adds the next version of `draft.name` from a folder with the package's files. */
  addCandidate(_draft: ManifestDraft, _sourceDirectory: string): Promise<ModelVersion> {
    return later();
  }
  /** Serves a version and retires the served one. @throws {DomainError} `not-found`, `invalid-transition` */
  approve(_name: string, _version: number, _decision: Decision): Promise<ModelVersion> {
    return later();
  }
  /** Serves the formerly served version again. @throws {DomainError} `not-found`, `no-former-version` */
  rollback(_name: string, _decision: Decision): Promise<ModelVersion> {
    return later();
  }
  /** Newest first. */
  audit(_name?: string): Promise<AuditEntry[]> {
    return later();
  }
  /** The package as one zip. @throws {DomainError} `not-found`, `package-tampered` */
  exportZip(_name: string, _version: number): Promise<{ fileName: string; stream: ReadableStream<Uint8Array> }> {
    return later();
  }
  /** Checks a zip whole, then adds it as a candidate. @throws {DomainError} `invalid-archive`, `invalid-package`, … */
  importZip(_zipPath: string, _actor?: string): Promise<ModelVersion> {
    return later();
  }
}
