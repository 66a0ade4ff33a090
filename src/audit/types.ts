/** Events of the audit trail, as plain data. */

/** Who did it: the part of an identity that is kept. */
export interface Actor {
  /** Stable and opaque. */
  readonly id: string;
  /** For people to read. */
  readonly name: string;
  /** How it was proven. */
  readonly via: "none" | "token" | "oidc" | "system";
}

/** The service itself: what it does by its clock and at its start. */
export const SYSTEM: Actor = { id: "sulcus", name: "Sulcus", via: "system" };

export const OBJECT_KINDS = [
  "service",
  "dataset",
  "case",
  "model",
  "job",
  "token",
  "user",
  "project",
  "audit",
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** "refused": the caller was wrong, not allowed, or took it back; "failed": the service could not do it. */
export const OUTCOMES = ["success", "refused", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The kind of an event in DICOM PS3.15 A.5: the code of context group CID 400, and its type where it has one. */
export interface EventCode {
  readonly id: readonly [code: string, name: string];
  readonly type?: readonly [code: string, name: string];
  /** Create, read, update, delete, execute. */
  readonly action: "C" | "R" | "U" | "D" | "E";
}

const APPLICATION = ["110100", "Application Activity"] as const;
const LOG_USED = ["110101", "Audit Log Used"] as const;
const EXPORT = ["110106", "Export"] as const;
const IMPORT = ["110107", "Import"] as const;
const PATIENT_RECORD = ["110110", "Patient Record"] as const;
const QUERY = ["110112", "Query"] as const;
const SECURITY_ALERT = ["110113", "Security Alert"] as const;
const AUTHENTICATION = ["110114", "User Authentication"] as const;
const PROCEDURE_RECORD = ["110111", "Procedure Record"] as const;
const ATTRIBUTES_CHANGED = ["110137", "User Security Attributes Changed"] as const;

/** Every action that is recorded, with its code in audit messages. */
export const ACTIONS = {
  "service.start": { id: APPLICATION, type: ["110120", "Application Start"], action: "E" },
  "service.stop": { id: APPLICATION, type: ["110121", "Application Stop"], action: "E" },
  "login": { id: AUTHENTICATION, type: ["110122", "Login"], action: "E" },
  "logout": { id: AUTHENTICATION, type: ["110123", "Logout"], action: "E" },
  "access.deny": { id: SECURITY_ALERT, type: ["110132", "Use of Restricted Function"], action: "E" },
  "token.create": { id: SECURITY_ALERT, type: ATTRIBUTES_CHANGED, action: "C" },
  "token.revoke": { id: SECURITY_ALERT, type: ATTRIBUTES_CHANGED, action: "D" },
  "project.change": { id: SECURITY_ALERT, type: ["110136", "Security Roles Changed"], action: "U" },
  "dataset.list": { id: QUERY, action: "E" },
  "dataset.read": { id: PATIENT_RECORD, action: "R" },
  "dataset.create": { id: PATIENT_RECORD, action: "C" },
  "dataset.import": { id: IMPORT, action: "C" },
  "dataset.change": { id: PATIENT_RECORD, action: "U" },
  "dataset.delete": { id: PATIENT_RECORD, action: "D" },
  "case.write": { id: IMPORT, action: "C" },
  "case.change": { id: PATIENT_RECORD, action: "U" },
  "case.delete": { id: PATIENT_RECORD, action: "D" },
  "image.segment": { id: PATIENT_RECORD, action: "E" },
  "image.classify": { id: PATIENT_RECORD, action: "E" },
  "job.list": { id: QUERY, action: "E" },
  "job.read": { id: PATIENT_RECORD, action: "R" },
  "job.cancel": { id: PROCEDURE_RECORD, action: "U" },
  "job.end": { id: PROCEDURE_RECORD, action: "U" },
  "result.read": { id: EXPORT, action: "R" },
  "training.plan": { id: PATIENT_RECORD, action: "R" },
  "training.start": { id: PROCEDURE_RECORD, action: "C" },
  "model.import": { id: IMPORT, action: "C" },
  "model.export": { id: EXPORT, action: "R" },
  "model.change": { id: PROCEDURE_RECORD, action: "U" },
  "model.approve": { id: PROCEDURE_RECORD, action: "U" },
  "model.rollback": { id: PROCEDURE_RECORD, action: "U" },
  "model.delete": { id: PROCEDURE_RECORD, action: "D" },
  "backup": { id: EXPORT, action: "R" },
  "restore": { id: IMPORT, action: "C" },
  "retention": { id: PATIENT_RECORD, action: "D" },
  "audit.read": { id: LOG_USED, action: "R" },
  "audit.prune": { id: LOG_USED, action: "D" },
} as const satisfies Record<string, EventCode>;
export type AuditAction = keyof typeof ACTIONS;

export interface AuditEvent {
  readonly who: Actor;
  readonly action: AuditAction;
  /** `id` is never a patient's name; see `caseId()`. */
  readonly object: { readonly kind: ObjectKind; readonly id: string };
  readonly outcome: Outcome;
  /** The refusal's code. */
  readonly code?: string;
  /** The request's id in the log and in the reply. */
  readonly requestId?: string;
  /** Address that the request came from. */
  readonly from?: string;
}

/** An event in its place in the chain. */
export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: AuditEvent;
  /** The JSON that is hashed, byte for byte: `seq`, `at` and the event. */
  readonly record: string;
  /** Hash of the entry before; of the first one {@link GENESIS}. */
  readonly previous: string;
  /** sha256 of `previous` and `record`, hexadecimal. */
  readonly hash: string;
}

export const GENESIS = "0".repeat(64);
