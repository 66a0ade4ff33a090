/**
 * The audit trail: who did what to which object, when, and how it ended; append-only and chained by hashes. Knows
 * nothing of HTTP, and keeps no patient's name.
 */
export { auditMessage } from "./atna.ts";
export { caseId } from "./case_id.ts";
export { readEntries, type StoredEntry, type Verdict, verifyChain } from "./chain.ts";
export { AuditForwarder, type Receiver } from "./syslog.ts";
export { appendEvents, AuditTrail, type EntryFilter, witnessOf } from "./trail.ts";
export {
  ACTIONS,
  type Actor,
  type AuditAction,
  type AuditEntry,
  type AuditEvent,
  type ObjectKind,
  type Outcome,
  SYSTEM,
} from "./types.ts";
