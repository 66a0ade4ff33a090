import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { BoundedMap } from "./bounded.ts";
import { claimAt, identityOf } from "./claims.ts";
import { DEFAULT_QUOTAS, QuotaBook, RateLimit } from "./quotas.ts";
import { hasRole, type Identity, LOCAL } from "./types.ts";

const test = databaseTests();
const ADA: Identity = { id: "oidc:ada", name: "ada", roles: ["user"], projects: [], via: "oidc" };

Deno.test("RateLimit lets a minute's worth through, then one at a time, and says how long to wait", () => {
  let now = 0;
  const limit = new RateLimit(60, () => now);
  assert.deepEqual(Array.from({ length: 60 }, () => limit.take("a")), Array(60).fill(0));
  assert.equal(limit.take("a"), 1);
  assert.equal(limit.take("b"), 0, "another key pays for it");
  now += 1000;
  assert.equal(limit.take("a"), 0);
  assert.equal(limit.take("a"), 1);
  assert.equal(new RateLimit(0).take("a"), 0);
});

Deno.test("BoundedMap forgets what was used least recently", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
});

Deno.test("claimAt() follows a path, takes a claim whose name has dots, and nothing else", () => {
  const claims = { a: { b: ["x", 1, "y"] }, "https://h.org/roles": ["z"], scope: "p q", n: 1 };
  assert.deepEqual(claimAt(claims, "a.b"), ["x", "y"]);
  assert.deepEqual(claimAt(claims, "https://h.org/roles"), ["z"]);
  assert.deepEqual(claimAt(claims, "scope"), ["p", "q"]);
  for (const path of ["a", "n", "a.b.c", "constructor.name", "__proto__"]) assert.deepEqual(claimAt(claims, path), []);
});

Deno.test("identityOf() gives the roles that the configuration names, and no other", async () => {
  const settings = {
    issuer: "https://a.example",
    clientId: "c",
    scopes: "openid",
    tokenType: "JWT",
    rolesClaim: "groups",
    roles: { staff: "user" },
  } as const;
  const ada = await identityOf({ sub: "1", name: "Ada", groups: ["staff", "admin", "toString"] }, settings);
  assert.deepEqual([ada.name, ada.roles], ["Ada", ["user"]]);
  const other = await identityOf({ sub: "1" }, { ...settings, issuer: "https://b.example" });
  assert.notEqual(other.id, ada.id, "two providers may give the same subject");
  assert.deepEqual(other.roles, []);
});

Deno.test("hasRole() takes each role with those before it", () => {
  assert.ok(hasRole(ADA, "viewer") && hasRole(ADA, "user"));
  assert.ok(!hasRole(ADA, "annotator") && !hasRole(ADA, "admin") && !hasRole({ roles: [] }, "viewer"));
});

test("QuotaBook bounds open jobs and device time of one identity, and of nobody where there are no logins", async (database) => {
  await database.script("DELETE FROM sulcus.jobs; DELETE FROM sulcus.usage");
  const job = () =>
    database.query(
      "INSERT INTO sulcus.jobs (id, kind, state, input, owner) VALUES (gen_random_uuid(), 'segment', 'queued', '{}', $1)",
      [ADA.id],
    );
  const book = new QuotaBook(database, { ...DEFAULT_QUOTAS, openJobs: 2, deviceMinutesPerDay: 1 });
  await job();
  await book.job(ADA);
  await job();
  await assert.rejects(book.job(ADA), { code: "quota-used-up", message: /2 of yours wait or run, which is the most/ });
  await book.job({ ...ADA, id: "oidc:bob" });
  await book.job(LOCAL);
  await database.query("UPDATE sulcus.jobs SET state = 'succeeded'");
  await database.query(
    "INSERT INTO sulcus.usage (owner, day, device_seconds) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 61)",
    [ADA.id],
  );
  await assert.rejects(book.job(ADA), (error: Error & { code: string; retrySeconds: number }) => {
    assert.equal(error.code, "quota-used-up");
    assert.match(error.message, /used 1 minutes of the device today, and 1 may/);
    return error.retrySeconds > 0 && error.retrySeconds <= 86_400;
  });
  await database.script("DELETE FROM sulcus.jobs; DELETE FROM sulcus.usage");
});
