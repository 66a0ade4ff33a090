/** Models as the registry reports them: plain data, dates as ISO 8601 strings. */
import type { Task } from "../inference/mod.ts";
import type { Witness } from "../storage/mod.ts";
import type { Manifest } from "./manifest.ts";

/** candidate → served → retired; retired → served by rollback or a new approval. */
export const VERSION_STATES = ["candidate", "served", "retired"] as const;
export type VersionState = (typeof VERSION_STATES)[number];

/** One version of a model, as `GET /v1/models/{name}/versions/{version}` shows it (less `directory`). */
export interface ModelVersion {
  readonly name: string;
  readonly version: number;
  readonly state: VersionState;
  /** Came with the program (read-only root), not from the data directory. */
  readonly shipped: boolean;
  readonly manifest: Manifest;
  /** Folder of the package. Not for users. */
  readonly directory: string;
  readonly addedAt: string;
  /** The last approval or rollback that touched this version. */
  readonly approvedBy?: string;
  readonly approvedAt?: string;
  readonly note?: string;
}

/** A model with its versions, as an entry of `GET /v1/models`. */
export interface ModelSummary {
  readonly name: string;
  readonly task: Task;
  readonly servedVersion: number | null;
  readonly versions: readonly { readonly version: number; readonly state: VersionState }[];
}

/** The person who decides, and the reason, for {@link Registry.approve} and {@link Registry.rollback}. */
export interface Decision {
  readonly approvedBy: string;
  readonly note?: string;
  readonly witness?: Witness;
}

/** A line of the audit trail, which is only ever appended to. */
export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: "approve" | "rollback" | "import" | "show-cases";
  readonly model: string;
  readonly version: number;
  readonly formerVersion: number | null;
  readonly note: string | null;
}
