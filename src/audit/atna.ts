/**
 * Audit messages as IHE ATNA receivers (Audit Record Repositories) read them. Source: DICOM PS3.15 A.5, the successor of
 * RFC 3881; transport in `syslog.ts`.
 */
import { ACTIONS, type AuditEntry, type EventCode, type ObjectKind, type Outcome } from "./types.ts";

/** EventOutcomeIndicator: success, minor failure (may be tried again, rightly), serious failure. */
const OUTCOME_INDICATOR: Readonly<Record<Outcome, string>> = { success: "0", refused: "4", failed: "8" };

/** ParticipantObjectTypeCode and -Role: 2, a system object; 17 data repository, 3 report, 4 master file, 20 job, … */
const OBJECT_CODES: Readonly<Record<ObjectKind, readonly [type: string, role: string]>> = {
  service: ["2", "14"],
  dataset: ["2", "17"],
  case: ["2", "3"],
  model: ["2", "4"],
  job: ["2", "20"],
  token: ["2", "13"],
  user: ["1", "11"],
  project: ["3", "13"],
  audit: ["2", "13"],
};

/** One entry as an `AuditMessage`; `source` names this installation. */
export function auditMessage({ seq, at, event, hash }: AuditEntry, source: string): string {
  const { who, action, object, outcome, code, requestId, from } = event;
  const { id, type, action: crud }: EventCode = ACTIONS[action];
  const [typeCode, roleCode] = OBJECT_CODES[object.kind];
  const details = Object.entries({ seq: String(seq), hash, action, code, requestId, via: who.via });
  return element("AuditMessage", {}, [
    element("EventIdentification", {
      EventActionCode: crud,
      EventDateTime: at,
      EventOutcomeIndicator: OUTCOME_INDICATOR[outcome],
    }, [coded("EventID", id), ...(type ? [coded("EventTypeCode", type)] : [])]),
    element("ActiveParticipant", {
      UserID: who.id,
      UserName: who.name,
      UserIsRequestor: "true",
      ...(from !== undefined && { NetworkAccessPointID: from, NetworkAccessPointTypeCode: "2" }),
    }),
    element("ActiveParticipant", { UserID: source, UserIsRequestor: "false" }, [
      coded("RoleIDCode", ["110150", "Application"]),
    ]),
    element("AuditSourceIdentification", { AuditSourceID: source }, [
      element("AuditSourceTypeCode", { "csd-code": "4", codeSystemName: "DCM", originalText: "Application Server" }),
    ]),
    element("ParticipantObjectIdentification", {
      ParticipantObjectID: `urn:sulcus:${object.kind}:${object.id}`,
      ParticipantObjectTypeCode: typeCode,
      ParticipantObjectTypeCodeRole: roleCode,
    }, [
      element("ParticipantObjectIDTypeCode", { "csd-code": "12", codeSystemName: "RFC-3881", originalText: "URI" }),
      ...details.flatMap(([name, value]) =>
        value === undefined ? [] : [element("ParticipantObjectDetail", { type: name, value: base64(value) })]
      ),
    ]),
  ]);
}

function coded(name: string, [code, text]: readonly [code: string, text: string]): string {
  return element(name, { "csd-code": code, codeSystemName: "DCM", originalText: text });
}

function element(name: string, attributes: Readonly<Record<string, string>>, children: readonly string[] = []): string {
  const open = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escape(value)}"`)].join(" ");
  return children.length === 0 ? `<${open}/>` : `<${open}>${children.join("")}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text that an attribute can hold; characters that XML 1.0 has no form for become U+FFFD. */
function escape(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- these are the characters that XML does not allow
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replaceAll(/[&<>"]/g, (c) => ENTITIES[c])
    .replaceAll(/[\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
