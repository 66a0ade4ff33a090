/** Who may do what: roles, what belongs to others, tokens, logins at a provider, quotas. */
import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { DEFAULT_QUOTAS, ROLES } from "../identity/mod.ts";
import { readyDataset, tinyNifti } from "../datasets/testing/cases.ts";
import { openApiDocument } from "./schemas/openapi.ts";
import { ROUTES } from "./routes/routes.ts";
import { gateIn, image } from "./testing/fake_tasks.ts";
import { callerOf, callWith, logIn, TOKENS } from "./testing/logins.ts";
import { PUBLIC_URL, startProvider } from "./testing/provider.ts";
import {
  type Bench,
  type Call,
  type CallInit,
  ended,
  form,
  packageZip,
  problem,
  withBench,
  zipOf,
} from "./testing/server.ts";

const test = databaseTests();
const withTokens = (database: Parameters<typeof withBench>[0], fn: (bench: Bench) => Promise<void>) =>
  withBench(database, fn, { settings: { login: TOKENS } });
const SPEC = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
const NONE = "00000000-0000-4000-8000-000000000000";

async function codeOf(reply: Promise<Response>): Promise<string> {
  const { status, code } = await problem(await reply);
  return `${status} ${code}`;
}

async function statusOf(reply: Promise<Response>): Promise<number> {
  const { status, body } = await reply;
  await body?.cancel();
  return status;
}

test("every route takes exactly the roles that the OpenAPI document names", (database) =>
  withTokens(database, async (bench) => {
    const callers = new Map<string, Call>([["nobody", bench.call]]);
    for (const role of ROLES) callers.set(role, await callerOf(bench, { role }));
    let checked = 0;
    for (const [path, methods] of Object.entries(openApiDocument(ROUTES).paths)) {
      const address = path.replace("{id}", NONE).replace("{name}", "none").replace("{version}", "1")
        .replace("{case}", "a").replace("{modality}", "t1").replace("{module}", "main.js");
      for (const [method, { "x-permits": least }] of Object.entries(methods)) {
        for (const [who, call] of callers) {
          const status = await statusOf(call(method.toUpperCase(), address));
          const what = `${method} ${path} as ${who}: ${status}`;
          const rank = ROLES.findIndex((role) => role === who);
          if (least === "everyone") assert.notEqual(status, 403, what);
          else if (who === "nobody") assert.equal(status, 401, what);
          else if (rank < ROLES.indexOf(least)) assert.equal(status, 403, what);
          else assert.ok(status !== 401 && status !== 403, what);
          checked++;
        }
      }
    }
    assert.equal(checked, ROUTES.length * 5);
  }));

test("another's data set is not there, in lists, for trainings and under its address", (database) =>
  withTokens(database, async (bench) => {
    const [ann, bob] = [await callerOf(bench, { role: "annotator" }), await callerOf(bench, { role: "annotator" })];
    const { id } = await (await ann("POST", "/v1/datasets", { json: SPEC })).json();
    const foreign = await problem(await bob("GET", `/v1/datasets/${id}`));
    assert.deepEqual(foreign, await problem(await bob("GET", `/v1/datasets/${NONE}`)), "one can tell it from none");
    for (const { method, path } of ROUTES.filter((route) => route.path.startsWith("/v1/datasets/{id}"))) {
      const address = path.replace("{id}", id).replace("{case}", "a").replace("{modality}", "t1");
      const body = method === "PUT" && path.endsWith("{modality}") ? await tinyNifti() : undefined;
      assert.equal(await codeOf(bob(method, address, { body })), "404 not-found", `${method} ${path}`);
    }
    const wish = { dataset: id, base: { model: "base" } };
    assert.equal(await codeOf(bob("POST", "/v1/finetunes", { json: { ...wish, name: "x" } })), "404 not-found");
    assert.equal(await codeOf(bob("POST", "/v1/finetunes/plan", { json: wish })), "404 not-found");
    const pretrain = { dataset: id, name: "x", recipe: { steps: 1 } };
    assert.equal(await codeOf(bob("POST", "/v1/pretrainings", { json: pretrain })), "404 not-found");
    const listed = async (call: Call) => (await (await call("GET", "/v1/datasets")).json()).datasets.length;
    assert.deepEqual([await listed(ann), await listed(bob)], [1, 0]);
    const admin = await callerOf(bench, { role: "admin" });
    assert.deepEqual([await listed(admin), await statusOf(admin("GET", `/v1/datasets/${id}`))], [1, 200]);
  }));

test("members of a project have what is shared with it; others cannot take it", (database) =>
  withTokens(database, async (bench) => {
    const ann = await callerOf(bench, { role: "annotator", projects: ["neuro"] });
    const member = await callerOf(bench, { role: "annotator", projects: ["neuro"] });
    const stranger = await callerOf(bench, { role: "annotator", projects: ["cardio"] });
    const { id } = await (await ann("POST", "/v1/datasets", { json: SPEC })).json();
    const share = (call: Call, json: unknown) => call("PUT", `/v1/datasets/${id}/access`, { json });
    assert.equal(await codeOf(share(ann, { with: "project", project: "cardio" })), "403 not-permitted");
    assert.equal(await codeOf(share(ann, { with: "everybody" })), "403 not-permitted");
    const shared = await (await share(ann, { with: "project", project: "neuro" })).json();
    assert.equal(shared.project, "neuro");
    assert.equal(await statusOf(member("GET", `/v1/datasets/${id}`)), 200);
    assert.equal(await codeOf(share(member, { with: "nobody" })), "403 not-permitted");
    assert.equal(await codeOf(stranger("GET", `/v1/datasets/${id}`)), "404 not-found");
    await (await share(ann, { with: "nobody" })).body?.cancel();
    assert.equal(await codeOf(member("GET", `/v1/datasets/${id}`)), "404 not-found");
    const admin = await callerOf(bench, { role: "admin" });
    assert.deepEqual(await (await share(admin, { with: "everybody" })).json(), { owner: null, project: null });
    assert.equal(await statusOf(stranger("GET", `/v1/datasets/${id}`)), 200);
  }));

test("what is imported for a project is its members' at once, and only for a project of one's own", (database) =>
  withTokens(database, async (bench) => {
    const ann = await callerOf(bench, { role: "annotator", projects: ["neuro"] });
    const member = await callerOf(bench, { role: "annotator", projects: ["neuro"] });
    const stranger = await callerOf(bench, { role: "annotator", projects: ["cardio"] });
    const admin = await callerOf(bench, { role: "admin" });
    const archive = zipOf({
      "dataset.json": JSON.stringify({ ...SPEC, name: "Imported" }),
      "cases/a/t1.nii.gz": await tinyNifti(),
    });
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    const weights = "/v1/models/import?name=cnn&roi=32&features=coarse&modalities=t1,t1c,t2,flair&project=neuro";
    const makes: [who: Call, method: string, path: string, init: CallInit, kind: string][] = [
      [ann, "POST", "/v1/datasets", { json: { ...SPEC, project: "neuro" } }, "datasets"],
      [ann, "POST", "/v1/datasets/import?project=neuro", { body: archive }, "datasets"],
      [admin, "POST", "/v1/models?project=neuro", { body: await packageZip("brought", 3) }, "models"],
      [admin, "POST", weights, { body: network }, "models"],
      [admin, "POST", weights, { body: network }, "models"], // a second version
    ];
    for (const [who, method, path, init, kind] of makes) {
      const reply = await who(method, path, init);
      assert.equal(reply.status, 201, path);
      const { id, name } = await reply.json(), address = `/v1/${kind}/${kind === "models" ? name : id}`;
      assert.equal(await statusOf(member("GET", address)), 200, path);
      assert.equal(await codeOf(stranger("GET", address)), "404 not-found", path);
      assert.equal((await (await member("GET", `${address}/access`)).json()).project, "neuro", path);
    }
    for (const [, method, path, init, kind] of makes.slice(0, 2)) {
      assert.equal(await codeOf(stranger(method, path, init)), "403 not-permitted", kind);
    }
    assert.ok((await bench.services.projects.get("neuro")).usedBytes > network.length);
  }));

test("another's jobs, results and models are not there, and a model's name is its owner's", (database) =>
  withTokens(database, async (bench) => {
    const { place: { datasets }, services } = bench;
    const [ann, bob] = [await callerOf(bench, { role: "annotator" }), await callerOf(bench, { role: "annotator" })];
    const headers = { prefer: "respond-async" };
    const queued = await ann("POST", "/v1/models/tumour/segment", { body: form({ t1: image() }), headers });
    const { id } = await queued.json();
    await ended(services, id);
    const foreign = await problem(await bob("GET", `/v1/jobs/${id}`));
    assert.deepEqual(foreign, await problem(await bob("GET", `/v1/jobs/${NONE}`)), "one can tell it from none");
    for (const { method, path } of ROUTES.filter((route) => route.path.startsWith("/v1/jobs/{id}"))) {
      assert.equal(await codeOf(bob(method, path.replace("{id}", id))), "404 not-found", `${method} ${path}`);
    }
    assert.equal(await statusOf(ann("GET", `/v1/jobs/${id}/mask`)), 200);
    const listed = async (call: Call) => (await (await call("GET", "/v1/jobs")).json()).jobs.length;
    assert.deepEqual([await listed(ann), await listed(bob)], [1, 0]);

    const dataset = await readyDataset(datasets); // stored without an owner: everybody's
    const wish = { dataset, base: { model: "base" }, name: "mine", recipe: { preset: "edge", steps: 1 } };
    const training = await (await ann("POST", "/v1/finetunes", { json: wish })).json();
    assert.equal(await ended(services, training.id), "succeeded");
    assert.equal(await codeOf(bob("POST", "/v1/finetunes", { json: wish })), "409 conflict");
    const unknown = await problem(await bob("GET", "/v1/models/none"));
    assert.deepEqual(await problem(await bob("GET", "/v1/models/mine")), unknown, "one can tell it from none");
    for (const { method, path } of ROUTES.filter((route) => route.path.startsWith("/v1/models/{name}"))) {
      const address = path.replace("{name}", "mine").replace("{version}", "1");
      const status = await statusOf(bob(method, address));
      assert.ok([403, 404].includes(status), `${method} ${path}: ${status}`);
    }
    const names = async (call: Call) => (await (await call("GET", "/v1/models")).json()).models.map(nameOf);
    assert.deepEqual(await names(bob), ["base", "grade", "tumour"]);
    assert.deepEqual(await names(ann), ["base", "grade", "mine", "tumour"]);
    assert.equal(
      await codeOf(bob("POST", "/v1/finetunes", { json: { ...wish, base: { model: "mine" }, name: "y" } })),
      "404 not-found",
    );
  }));

function nameOf({ name }: { name: string }): string {
  return name;
}

test("a token ends when it is revoked or its time is over, and a wrong one is none", (database) =>
  withTokens(database, async (bench) => {
    const { call, services } = bench;
    const admin = await callerOf(bench, { role: "admin" });
    const made = await (await admin("POST", "/v1/tokens", { json: { name: "robot", role: "user" } })).json();
    const robot = callWith(call, { authorization: `Bearer ${made.token}` });
    assert.deepEqual((await (await robot("GET", "/v1/me")).json()).roles, ["user"]);
    const { rows } = await services.database.query("SELECT * FROM sulcus.tokens");
    const secret = made.token.slice(-43); // it may have underscores of its own
    assert.ok(!JSON.stringify(rows).includes(secret), "the secret is stored");
    const last = made.token.at(-5) === "A" ? "B" : "A";
    for (const wrong of [made.token.slice(0, -5) + last + made.token.slice(-4), "sulcus_x", "Bearer", ""]) {
      const reply = await call("GET", "/v1/me", { headers: { authorization: `Bearer ${wrong}` } });
      assert.equal(reply.headers.get("www-authenticate"), 'Bearer realm="sulcus"');
      assert.equal((await problem(reply)).code, "login-required");
    }
    assert.equal((await (await admin("GET", "/v1/tokens")).json()).tokens.length, 2);
    assert.equal((await admin("DELETE", `/v1/tokens/${made.id}`)).status, 200);
    assert.equal(await codeOf(robot("GET", "/v1/me")), "401 login-required");
    const short = await callerOf(bench, { role: "user" });
    assert.equal(await statusOf(short("GET", "/v1/me")), 200);
    await services.database.query("UPDATE sulcus.tokens SET expires_at = now() WHERE role = 'user'");
    await services.logins.tokens.revoke(made.id); // forgets what was verified
    assert.equal(await codeOf(short("GET", "/v1/me")), "401 login-required");
  }));

test("a login at a provider opens a session, and its access tokens name programs", async (database) => {
  await using provider = await startProvider();
  const login = { kind: "oidc", oidc: provider.settings } as const;
  await withBench(database, async (bench) => {
    const { call, services } = bench;
    const cookie = await logIn(bench, "ada-admins-neuro");
    const ada = callWith(call, { cookie });
    const me = await (await ada("GET", "/v1/me")).json();
    assert.deepEqual([me.name, me.roles, me.projects, me.via], ["ada-admins-neuro", ["admin"], ["neuro"], "oidc"]);
    assert.match(me.id, /^oidc:[0-9a-f]{32}$/);
    const cross = { cookie, "sec-fetch-site": "cross-site" };
    assert.equal(await codeOf(call("POST", "/v1/datasets", { json: SPEC, headers: cross })), "403 cross-origin");
    assert.deepEqual(await statusOf(ada("POST", "/logout")), 204);
    assert.equal(await codeOf(ada("GET", "/v1/me")), "401 login-required");
    const none = callWith(call, { cookie: await logIn(bench, "eve-nobodies") });
    assert.equal(await codeOf(none("GET", "/v1/models")), "403 not-permitted");

    const bearer = async (token: string) =>
      await statusOf(call("GET", "/v1/models", { headers: { authorization: `Bearer ${token}` } }));
    const token = await provider.token("robot");
    assert.equal(await bearer(token), 200);
    assert.equal(await bearer(await provider.token("stranger")), 403);
    assert.equal(await bearer(await provider.token("robot", "urn:other:api")), 401);
    assert.equal(await bearer(token.slice(0, -4) + "AAAA"), 401);
    const start = await call("GET", "/login");
    const forged = await call("GET", "/login/callback?code=x&state=y", {
      headers: { cookie: start.headers.getSetCookie()[0].split(";")[0] },
    });
    assert.equal((await problem(forged)).code, "login-failed");
    assert.equal(await codeOf(call("GET", "/login/callback?code=x&state=y")), "403 login-failed");
    const events = (await Array.fromAsync(services.audit.entries({ after: 0 }))).map(({ event }) => event);
    const logins = events.filter(({ action }) => action === "login").map(({ outcome, who }) => [outcome, who.name]);
    assert.deepEqual(logins, [["success", "ada-admins-neuro"], ["success", "eve-nobodies"], ["refused", "nobody"]]);
  }, { settings: { login, publicUrl: PUBLIC_URL } });
});

test("one identity may ask for so much, and is told when it may again", (database) =>
  withBench(database, async (bench) => {
    const busy = await callerOf(bench, { role: "annotator" });
    const { id } = await (await busy("POST", "/v1/datasets", { json: SPEC })).json();
    const put = () => busy("PUT", `/v1/datasets/${id}/cases/a/t1`, { body: new Uint8Array(3000) });
    assert.equal((await problem(await put())).code, "unsupported-media-type"); // its bytes count
    const used = await put();
    assert.equal((await problem(used)).code, "quota-used-up");
    assert.ok(Number(used.headers.get("retry-after")) > 0);
    const rest = await Promise.all(Array.from({ length: 40 }, () => busy("GET", "/v1/me")));
    const refused = rest.find(({ status }) => status === 429);
    assert.ok(refused, "no request was refused");
    assert.equal((await problem(refused)).code, "too-many-requests");
    assert.match(refused.headers.get("retry-after")!, /^[1-9]\d*$/);
    const other = await callerOf(bench, { role: "viewer" });
    assert.equal(await statusOf(other("GET", "/v1/me")), 200, "another identity pays for it");
  }, {
    settings: {
      login: TOKENS,
      identityQuotas: { requestsPerMinute: 20, openJobs: 0, gigabytesPerDay: 4e-6, deviceMinutesPerDay: 0 },
    },
  }));

test("as many jobs as one identity may have are taken of those that come at once, and no more", (database) =>
  withBench(database, async (bench) => {
    const gate = gateIn(bench.place.dataDirectory);
    const busy = await callerOf(bench, { role: "user" });
    const headers = { prefer: "respond-async" };
    const ask = () => busy("POST", "/v1/models/tumour/segment", { body: form({ t1: gate.image }), headers });
    const replies = await Promise.all(Array.from({ length: 6 }, ask));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [202, 202, 429, 429, 429, 429]);
    await gate.open();
    for (const reply of replies.filter(({ ok }) => ok)) await ended(bench.services, (await reply.json()).id);
    const { rows } = await database.query<{ seconds: number }>("SELECT device_seconds AS seconds FROM sulcus.usage");
    assert.ok(rows[0].seconds > 0, "no device time was counted");
  }, { settings: { login: TOKENS, identityQuotas: { ...DEFAULT_QUOTAS, openJobs: 2 } } }));
