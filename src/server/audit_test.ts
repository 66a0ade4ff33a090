/** Every access to patient data and every decision leaves one event in the audit trail, and no reply leaves without it. */
import assert from "node:assert/strict";
import { caseId } from "../audit/mod.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { ROUTES } from "./routes/routes.ts";
import { image } from "./testing/fake_tasks.ts";
import { callerOf, TOKENS } from "./testing/logins.ts";
import { type Bench, callOf, ended, form, packageZip, problem, withBench } from "./testing/server.ts";

const test = databaseTests();

/** Routes that neither show nor change anything of a patient, nor decide anything; logins write events of their own. */
const SILENT = [
  "GET /",
  "GET /docs",
  "GET /health/live",
  "GET /health/ready",
  "GET /health/startup",
  "GET /login",
  "GET /login/callback",
  "GET /metrics",
  "GET /openapi.json",
  "GET /page/{module}",
  "GET /v1/datasets/{id}/access",
  "GET /v1/me",
  "GET /v1/models",
  "GET /v1/models/{name}",
  "GET /v1/models/{name}/access",
  "GET /v1/models/{name}/versions/{version}",
  "GET /v1/projects",
  "GET /v1/projects/{name}",
  "GET /v1/tokens",
  "GET /version",
  "POST /login",
  "POST /v1/models/inspect",
];

Deno.test("every route writes into the audit trail, but for those that touch no patient's data", () => {
  const silent = ROUTES.filter(({ audit }) => audit === undefined).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(silent.sort(), SILENT);
});

async function eventsSince({ services }: Bench, seq: number) {
  return (await Array.fromAsync(services.audit.entries({ after: seq }))).map(({ event }) => event);
}

test("requests leave who, what, which object, and how it ended; and no name of a case", (database) =>
  withBench(database, async (bench) => {
    const { call, services } = bench;
    const { seq } = await services.audit.head();
    const spec = {
      name: "a set",
      task: "segmentation",
      modalities: ["t1"],
      labels: [{ name: "lesion", values: [1] }],
    };
    const made = await call("POST", "/v1/datasets", { json: spec });
    const { id } = await made.json();
    await (await call("GET", `/v1/datasets/${id}`)).json();
    await (await call("PUT", `/v1/datasets/${id}/cases/Doe-Jane/class`, { json: { class: "x" } })).body?.cancel();
    await (await call("GET", "/v1/jobs/Doe-Jane")).body?.cancel();
    await (await call("POST", "/v1/models/none/rollback", { json: { approvedBy: "x" } })).body?.cancel();
    await (await call("GET", "/v1/models")).json();
    const events = await eventsSince(bench, seq);
    assert.deepEqual(
      events.map(({ action, object, outcome, code }) => [action, object.kind, object.id, outcome, code]),
      [
        ["dataset.create", "dataset", id, "success", undefined],
        ["dataset.read", "dataset", id, "success", undefined],
        ["case.change", "case", caseId(id, "Doe-Jane"), "refused", events[2].code],
        ["job.read", "job", "invalid", "refused", events[3].code],
        ["model.rollback", "model", "none", "refused", "not-found"],
      ],
    );
    assert.deepEqual(events[0].who, { id: "local", name: "local", via: "none" });
    assert.equal(events[0].requestId, made.headers.get("x-request-id"));
    assert.doesNotMatch(JSON.stringify(events), /Doe/);
    assert.deepEqual((await services.audit.verify()).problems, []);
  }));

test("a reply is withheld while the audit trail cannot be written, and other routes answer", (database) =>
  withBench(database, async ({ services, log }) => {
    const audit = {
      entries: services.audit.entries.bind(services.audit),
      head: () => services.audit.head(),
      onAdded: () => () => {},
      prune: () => Promise.resolve(0),
      settled: () => Promise.resolve(),
      verify: () => services.audit.verify(),
      record: () => Promise.reject(new Error("the disk is gone")),
    };
    const call = callOf({ ...services, audit });
    const { status, code, detail } = await problem(await call("GET", "/v1/datasets"));
    assert.deepEqual([status, code], [503, "database-unavailable"]);
    assert.match(detail, /audit trail/);
    assert.ok(log.some(({ event }) => event === "audit-failed"));
    assert.equal((await problem(await call("GET", "/v1/jobs/none"))).status, 404);
    assert.equal((await call("GET", "/health/live")).status, 200);
  }));

test("the end of a job is recorded for whoever asked, also when a request waited for it", (database) =>
  withBench(database, async (bench) => {
    const { services } = bench;
    const ann = await callerOf(bench, { role: "user" });
    const me = await (await ann("GET", "/v1/me")).json();
    const { seq } = await services.audit.head();
    const segment = async (headers?: Record<string, string>) =>
      await ann("POST", "/v1/models/tumour/segment", { body: form({ t1: image() }), headers });
    await (await segment()).body?.cancel();
    const { id } = await (await segment({ prefer: "respond-async" })).json();
    await ended(services, id);
    const ends = (await eventsSince(bench, seq)).filter(({ action }) => action === "job.end");
    assert.equal(ends.length, 2);
    for (const { who, outcome } of ends) {
      assert.deepEqual([who, outcome], [{ id: me.id, name: me.name, via: "token" }, "success"]);
    }
    assert.equal(ends[1].object.id, id);
  }, { settings: { login: TOKENS } }));

test("a decision is that of the person who is logged in, whatever the request says", (database) =>
  withBench(database, async (bench) => {
    const { services } = bench;
    const admin = await callerOf(bench, { role: "admin" });
    const { name, id } = await (await admin("GET", "/v1/me")).json();
    assert.equal((await admin("POST", "/v1/models", { body: await packageZip("tumour", 2) })).status, 201);
    const decision = { approvedBy: "Somebody Else", note: "better" };
    const approve = "/v1/models/tumour/versions/2/approve";
    const approved = await (await admin("POST", approve, { json: decision })).json();
    assert.deepEqual([approved.state, approved.approvedBy, approved.note], ["served", name, "better"]);
    const back = await (await admin("POST", "/v1/models/tumour/rollback", { json: {} })).json();
    assert.equal(back.approvedBy, name);
    const events = (await Array.fromAsync(services.audit.entries())).map(({ event }) => event);
    const decisions = events.filter(({ action }) => action === "model.approve");
    assert.deepEqual(decisions.map(({ who, object }) => [who.id, object.id]), [[id, "tumour/2"]]);
    const decided = (await services.registry.audit("tumour")).map(({ actor, action }) => [actor, action]);
    assert.deepEqual(decided.slice(0, 3), [[name, "rollback"], [name, "approve"], [name, "import"]]);
  }, { settings: { login: TOKENS } }));
