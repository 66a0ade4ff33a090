import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { auditMessage } from "./atna.ts";
import { link } from "./chain.ts";
import { AuditForwarder, syslogFrame } from "./syslog.ts";
import { TEST_CA, TestReceiver } from "./testing/receiver.ts";
import { AuditTrail } from "./trail.ts";
import { ACTIONS, type AuditAction, type AuditEvent, GENESIS } from "./types.ts";

const test = databaseTests();
const EVENT: AuditEvent = {
  who: { id: "oidc:7", name: 'Grey & <Sons> "x"\u0001', via: "oidc" },
  action: "dataset.read",
  object: { kind: "dataset", id: "d" },
  outcome: "refused",
  code: "not-found",
  requestId: "request-1",
  from: "192.0.2.1",
};
const entryOf = (event: AuditEvent) => link(event, { seq: 7, at: "2026-11-30T05:00:00.000Z", previous: GENESIS });

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + 60_000;
  while (!await done()) {
    assert.ok(performance.now() < late, `waited too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("auditMessage() writes a DICOM audit message, and escapes what people chose", () => {
  const { hash } = entryOf(EVENT);
  const detail = (type: string, value: string) => `<ParticipantObjectDetail type="${type}" value="${btoa(value)}"/>`;
  assert.equal(
    auditMessage(entryOf(EVENT), "host"),
    '<AuditMessage><EventIdentification EventActionCode="R" EventDateTime="2026-11-30T05:00:00.000Z" ' +
      'EventOutcomeIndicator="4"><EventID csd-code="110110" codeSystemName="DCM" originalText="Patient Record"/>' +
      '</EventIdentification><ActiveParticipant UserID="oidc:7" UserName="Grey &amp; &lt;Sons&gt; &quot;x&quot;\ufffd" ' +
      'UserIsRequestor="true" NetworkAccessPointID="192.0.2.1" NetworkAccessPointTypeCode="2"/>' +
      '<ActiveParticipant UserID="host" UserIsRequestor="false">' +
      '<RoleIDCode csd-code="110150" codeSystemName="DCM" originalText="Application"/></ActiveParticipant>' +
      '<AuditSourceIdentification AuditSourceID="host"><AuditSourceTypeCode csd-code="4" codeSystemName="DCM" ' +
      'originalText="Application Server"/></AuditSourceIdentification>' +
      '<ParticipantObjectIdentification ParticipantObjectID="urn:sulcus:dataset:d" ParticipantObjectTypeCode="2" ' +
      'ParticipantObjectTypeCodeRole="17"><ParticipantObjectIDTypeCode csd-code="12" codeSystemName="RFC-3881" ' +
      `originalText="URI"/>${detail("seq", "7")}${detail("hash", hash)}${detail("action", "dataset.read")}` +
      `${detail("code", "not-found")}${detail("requestId", "request-1")}${detail("via", "oidc")}` +
      "</ParticipantObjectIdentification></AuditMessage>",
  );
});

Deno.test("auditMessage() has an event of DICOM's context group 400 for every action", () => {
  for (const action of Object.keys(ACTIONS) as AuditAction[]) {
    const message = auditMessage(entryOf({ ...EVENT, action }), "host");
    assert.match(message, /EventActionCode="[CRUDE]"/, action);
    assert.match(message, /<EventID csd-code="1101(0[0-9]|1[0-4])" codeSystemName="DCM"/, action);
  }
});

Deno.test("syslogFrame() counts octets, not characters", () => {
  const frame = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    syslogFrame(entryOf({ ...EVENT, who: { id: "ü", name: "Müller", via: "token" } }), "host"),
  );
  const [length] = frame.split(" ", 1);
  const message = frame.slice(length.length + 1);
  assert.equal(Number(length), new TextEncoder().encode(message).length);
  assert.match(message, /^<85>1 2026-11-30T05:00:00.000Z host sulcus \d+ DICOM\+RFC3881 - \ufeff<AuditMessage>/);
});

test("entries wait while the receiver is away, and all arrive over the connections that follow", async (database) => {
  const trail = new AuditTrail(database);
  const record = (id: string) => trail.record({ ...EVENT, object: { kind: "dataset", id } });
  const { port } = await closed(new TestReceiver()); // a port that is free, and closed now
  const away: unknown[] = [];
  const forwarder = new AuditForwarder({
    trail,
    database,
    receiver: { hostname: "localhost", port, ca: TEST_CA },
    source: "host",
    againMs: 50,
    settleMs: 50,
    onAway: (error) => away.push(error),
  });
  try {
    for (let i = 0; i < 5; i++) await record(`away-${i}`);
    await until("the receiver was missed", () => away.length > 0);
    assert.equal(await forwarder.behind(), 5);
    await using receiver = new TestReceiver(port);
    const has = (id: string) => receiver.messages.some((message) => message.includes(`urn:sulcus:dataset:${id}"`));
    await until("the waiting entries arrived", () => has("away-4"));
    receiver.hangUp();
    await record("after");
    await until("the entry after the break arrived", () => has("after"));
    await until("all count as sent", async () => await forwarder.behind() === 0);
    for (let i = 0; i < 5; i++) assert.ok(has(`away-${i}`), `entry ${i}`);
  } finally {
    await forwarder.close();
  }
});

test("a receiver without a certificate of the authority gets nothing", async (database) => {
  const trail = new AuditTrail(database);
  await trail.record(EVENT);
  await using receiver = new TestReceiver();
  const away: unknown[] = [];
  const forwarder = new AuditForwarder({
    trail,
    database,
    receiver: { hostname: "localhost", port: receiver.port },
    source: "host",
    againMs: 20,
    onAway: (error) => away.push(error),
  });
  await until("the receiver was refused", () => away.length > 0);
  await forwarder.close();
  assert.match(String(away[0]), /certificate|UnknownIssuer/i);
  assert.deepEqual(receiver.messages, []);
});

async function closed(receiver: TestReceiver): Promise<{ port: number }> {
  await receiver[Symbol.asyncDispose]();
  return receiver;
}
