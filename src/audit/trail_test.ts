import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { AuditTrail } from "./trail.ts";
import { type Actor, type AuditEvent, GENESIS, SYSTEM } from "./types.ts";

const test = databaseTests();
const DOCTOR: Actor = { id: "oidc:7", name: "Dr Grey", via: "oidc" };

function read(id: string): AuditEvent {
  return { who: DOCTOR, action: "dataset.read", object: { kind: "dataset", id }, outcome: "success", requestId: "r1" };
}

async function all(trail: AuditTrail) {
  return await Array.fromAsync(trail.entries());
}

test("record() chains events that arrive together, and verify() finds the chain whole", async (database) => {
  const trail = new AuditTrail(database);
  let added = 0;
  const stop = trail.onAdded(() => added++);
  await Promise.all(Array.from({ length: 50 }, (_, i) => trail.record(read(`d${i}`))));
  stop();
  const entries = await all(trail);
  assert.deepEqual(entries.map(({ seq }) => seq), Array.from({ length: 50 }, (_, i) => i + 1));
  assert.equal(entries[0].previous, GENESIS);
  assert.deepEqual(entries[7].event, read("d7"));
  assert.ok(added >= 1 && added < 50, `${added} transactions`);
  const head = await trail.head();
  assert.deepEqual(head, { seq: 50, hash: entries[49].hash });
  assert.deepEqual(await trail.verify(head), { entries: 50, first: 1, head, problems: [] });
});

test("the database itself refuses to change, delete or empty the trail", async (database) => {
  const trail = new AuditTrail(database);
  await trail.record(read("kept"));
  for (
    const sql of [
      "UPDATE sulcus.audit_events SET record = ''",
      "DELETE FROM sulcus.audit_events",
      "TRUNCATE sulcus.audit_events",
    ]
  ) {
    await assert.rejects(database.query(sql), /entries of the audit trail are never changed/);
  }
  assert.deepEqual((await trail.verify()).problems, []);
});

test("verify() names an entry that was changed, is missing, or was cut off, with the database's own guard gone", async (database) => {
  const trail = new AuditTrail(database);
  for (const id of ["a", "b", "c"]) await trail.record(read(id));
  const head = await trail.head();
  const tampered = async (sql: string, expected: RegExp) => {
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.script("ALTER TABLE sulcus.audit_events DISABLE TRIGGER USER");
        await tx.script(sql);
        const within = new AuditTrail({ ...database, query: tx.query.bind(tx) });
        const { problems } = await within.verify(head);
        assert.match(problems.join("; "), expected);
        throw new Error("put it back");
      }),
      /put it back/,
    );
  };
  const { seq } = head;
  const rows = `FROM sulcus.audit_events WHERE seq =`;
  await tampered(
    `UPDATE sulcus.audit_events SET record = replace(record, 'Grey', 'Gray') WHERE seq = ${seq - 1}`,
    new RegExp(`Entry ${seq - 1} was changed`),
  );
  await tampered(`UPDATE sulcus.audit_events SET at = now() WHERE seq = ${seq}`, /says another number or time/);
  await tampered(`DELETE ${rows} ${seq - 1}`, new RegExp(`Entry ${seq - 1} is missing`));
  await tampered(`DELETE ${rows} ${seq}`, new RegExp(`Entry ${seq} with the hash that was noted is not there`));
  await tampered("DELETE FROM sulcus.audit_events WHERE seq = 1", /Entries before 2 are missing/);
  assert.deepEqual((await trail.verify(head)).problems, []);
});

test("prune() deletes the oldest entries, says so in the trail, and the rest verifies", async (database) => {
  const trail = new AuditTrail(database);
  await trail.record(read("old"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = new Date();
  await trail.record(read("new"));
  const { first: oldest, head } = await trail.verify();
  assert.equal(await trail.prune(before, SYSTEM), head.seq - oldest);
  assert.equal(await trail.prune(before, SYSTEM), 0);
  const entries = await all(trail);
  assert.deepEqual(entries.map(({ event }) => event.action), ["dataset.read", "audit.prune"]);
  assert.match(entries[1].event.object.id, new RegExp(`^${head.seq - 1}:[0-9a-f]{64}$`));
  assert.deepEqual((await trail.verify(head)).problems, []);
});

test("record() rejects where nothing could be stored, and works again afterwards", async (database) => {
  let away = true;
  const trail = new AuditTrail({
    ...database,
    transaction: (fn) => away ? Promise.reject(new Error("away")) : database.transaction(fn),
  });
  await assert.rejects(trail.record(read("lost")), /away/);
  away = false;
  await trail.record(read("kept"));
  assert.deepEqual((await trail.verify()).problems, []);
});
