import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import type { Database } from "../storage/mod.ts";
import { callOf, problem, withBench } from "./testing/server.ts";
import { NONE, spec } from "./testing/refusal_cases.ts";
import { ROUTES } from "./routes/routes.ts";
import type { Services } from "./http/services.ts";
import { AuditTrail } from "../audit/mod.ts";
import { Logins } from "../identity/mod.ts";
import { ofEmbedded, ofServer } from "../storage/database/unavailable.ts";
import { problemOf } from "./http/problems.ts";

const test = databaseTests();

/** A service that fails as its database does. */
function failing<T extends object>(of: T, error: () => unknown): T {
  return new Proxy(of, { get: () => () => Promise.reject(error()) });
}

const away = () => ofServer(Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:5432"), { code: "ECONNREFUSED" }));

test("without its database every route that needs it answers 503, says when to try again, and metrics go on", (database) =>
  withBench(database, async ({ services }) => {
    const { createApp } = await import("./app.ts");
    const broken: Services = {
      ...services,
      database: failing(services.database, away),
      registry: failing(services.registry, away),
      datasets: failing(services.datasets, away),
      jobs: failing(services.jobs, away),
      audit: new AuditTrail(failing(database, away)),
      projects: failing(services.projects, away),
      logins: new Logins(failing(database, away), services.settings.login),
    };
    const app = createApp(broken);
    const answered: string[] = [];
    for (const { method, path, body } of ROUTES) {
      if (body !== undefined && body.kind !== "json") continue; // what reads files is asked below
      const url = path.replaceAll("{id}", NONE).replaceAll("{version}", "1").replaceAll(/\{\w+\}/g, "t1");
      const reply = await app.request(`http://127.0.0.1:8080${url}`, { method });
      const { status } = reply;
      if (status < 400) {
        answered.push(path);
        await reply.body?.cancel();
        continue;
      }
      const { code } = await reply.json();
      if (body !== undefined || !path.startsWith("/v1/")) continue; // refused before the database is asked, or without it
      assert.deepEqual([status, code, reply.headers.get("retry-after")], [503, "database-unavailable", "5"], path);
    }
    assert.ok(answered.includes("/health/live") && answered.includes("/version"), answered.join());
    assert.deepEqual(answered.filter((path) => path.startsWith("/v1/")), ["/v1/me"]);
    const json = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(spec) };
    assert.equal((await app.request("http://127.0.0.1:8080/v1/datasets", json)).status, 503);
    const metrics = await (await app.request("http://127.0.0.1:8080/metrics")).text();
    assert.match(metrics, /^sulcus_database_up 0$/m);
    assert.match(metrics, /^process_resident_memory_bytes /m);
  }));

test("a data folder that is gone takes no writes and is not ready; what is read still is", (database) =>
  withBench(database, async ({ call, services, place: { dataDirectory } }) => {
    assert.equal((await call("POST", "/v1/datasets", { json: spec })).status, 201);
    await Deno.rename(`${dataDirectory}/spool`, `${dataDirectory}/elsewhere`);
    await assert.rejects(services.spool.check());
    const reply = await call("POST", "/v1/datasets", { json: spec });
    assert.equal(reply.headers.get("retry-after"), "10");
    const { status, code } = await problem(reply);
    assert.deepEqual([status, code], [503, "storage-unavailable"]);
    assert.equal((await (await call("GET", "/v1/datasets")).json()).datasets.length, 1);
    await Deno.rename(`${dataDirectory}/elsewhere`, `${dataDirectory}/spool`);
    assert.equal((await call("POST", "/v1/datasets", { json: spec })).status, 201);
  }));

test("a folder that vanishes while a request writes is noticed before the reply", (database) =>
  withBench(database, async ({ services, place: { dataDirectory } }) => {
    const create: Services["datasets"]["create"] = async (made) => {
      const found = await services.datasets.create(made);
      await Deno.rename(`${dataDirectory}/spool`, `${dataDirectory}/elsewhere`);
      return found;
    };
    const datasets = new Proxy(services.datasets, {
      get: (of, name) => name === "create" ? create : Reflect.get(of, name, of),
    });
    const reply = await callOf({ ...services, datasets })("POST", "/v1/datasets", { json: spec });
    assert.equal((await problem(reply)).code, "storage-unavailable");
    await Deno.rename(`${dataDirectory}/elsewhere`, `${dataDirectory}/spool`);
  }));

Deno.test("errors of statements stay what they are; those of the connection and of a broken database do not", () => {
  const error = (message: string, code?: string) => Object.assign(new Error(message), code && { code });
  const codeOf = (found: unknown) => problemOf(found).code;
  for (const code of ["08006", "57P01", "53300", "ECONNRESET", "3D000"]) {
    assert.equal(codeOf(ofServer(error("gone", code))), "database-unavailable", code);
  }
  assert.equal(codeOf(ofServer(error("Connection terminated unexpectedly"))), "database-unavailable");
  for (const code of ["23505", "42P01", "22021"]) assert.equal(codeOf(ofServer(error("no", code))), "internal", code);
  assert.equal(codeOf(ofServer(new TypeError("x is undefined"))), "internal");
  assert.equal(codeOf(ofEmbedded(new WebAssembly.RuntimeError("unreachable"))), "database-unavailable");
  assert.equal(codeOf(ofEmbedded(error("PGlite is closed"))), "database-unavailable");
  assert.equal(codeOf(ofEmbedded(error("duplicate key", "23505"))), "internal");
  for (const code of ["ENOSPC", "EDQUOT", "EROFS", "53100", "58030"]) {
    const full = problemOf(new Error("Cannot write '/data/DOE'", { cause: error("'/data/DOE'", code) }));
    assert.deepEqual([full.code, full.status], ["storage-full", 507], code);
    assert.doesNotMatch(full.message, /DOE/);
  }
});

test("a database that is closed or dropped answers as one that is away", async (shared) => {
  const database: Database = await separate(shared);
  await database.close();
  const failure = await database.query("SELECT 1").catch((error: unknown) => error);
  assert.equal(problemOf(failure).code, "database-unavailable", String(failure));
});

/** A database of the same kind that a test may close. */
async function separate({ kind }: Database): Promise<Database> {
  const { createTestDatabase, TEST_URL } = await import("../storage/testing/database.ts");
  const { openPglite } = await import("../storage/database/pglite.ts");
  return kind === "pglite" ? await openPglite() : await createTestDatabase(TEST_URL!);
}
