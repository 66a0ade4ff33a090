/** Refusals of logins, tokens and sharing, each given once. */
import assert from "node:assert/strict";
import type { OidcSettings } from "../../identity/mod.ts";
import { readyDataset } from "../../datasets/testing/cases.ts";
import { callerOf } from "./logins.ts";
import { type Bench, type Call, problem } from "./server.ts";

const NONE = "00000000-0000-4000-8000-000000000000";

/** A provider at an address where nobody listens. */
export const ABSENT_PROVIDER: OidcSettings = {
  issuer: "http://127.0.0.1:1",
  clientId: "page",
  scopes: "openid",
  audience: "api",
  tokenType: "at+jwt",
  rolesClaim: "roles",
  roles: {},
};

async function refused(reply: Promise<Response>, status: number, code: string): Promise<Headers> {
  const found = await reply;
  const { code: got, detail } = await problem(found);
  assert.deepEqual([found.status, got], [status, code], detail);
  return found.headers;
}

export async function refuseWithoutProvider({ call }: Bench): Promise<void> {
  await refused(call("GET", "/login"), 404, "not-found");
  await refused(call("GET", "/login/callback?code=a&state=b"), 404, "not-found");
  await refused(call("DELETE", `/v1/tokens/${NONE}`), 404, "not-found");
  const share = { json: { with: "nobody" } };
  for (const path of [`/v1/datasets/${NONE}/access`, "/v1/models/none/access"]) {
    await refused(call("GET", path), 404, "not-found");
    await refused(call("PUT", path, share), 404, "not-found");
  }
}

/** @param bench with the provider above */
export async function refuseLogins(bench: Bench): Promise<void> {
  const { call, services, place } = bench;
  await refused(call("GET", "/v1/me"), 401, "login-required");
  const headers = await refused(call("GET", "/login"), 503, "login-unavailable");
  assert.equal(headers.get("retry-after"), "10");
  await refused(call("GET", "/login/callback?code=a&state=b"), 403, "login-failed");
  const cookie = `sulcus-login=${encodeURIComponent(JSON.stringify({ state: "b", nonce: "n", verifier: "v" }))}`;
  await refused(call("GET", "/login/callback?code=a&state=b", { headers: { cookie } }), 503, "login-unavailable");
  const post = (token: string) => call("POST", "/login", { json: { token } });
  await refused(post("a.b.c"), 503, "login-unavailable");
  await refused(post("sulcus_x"), 401, "login-required");

  const { text } = await services.logins.tokens.create({ name: "t", role: "viewer", createdBy: "t" });
  const wrong = [..."abcdefghijklm"].filter((letter) => letter !== text.at(-2)).slice(0, 12);
  const guesses = wrong.map((letter) => post(text.slice(0, -2) + letter + text.at(-1)));
  const codes = await Promise.all(guesses.map(async (reply) => (await problem(await reply)).code));
  assert.ok(codes.includes("busy"), `guesses are all checked: ${codes}`);
  let code = "";
  for (let i = 0; i < 100 && code !== "too-many-requests"; i++) code = (await problem(await post("sulcus_x"))).code;
  assert.equal(code, "too-many-requests");

  const [ann, bob] = [await callerOf(bench, { role: "annotator" }), await callerOf(bench, { role: "annotator" })];
  const dataset = await readyDataset(place.datasets);
  const trainings: readonly (readonly [path: string, rest: Record<string, unknown>])[] = [
    ["/v1/finetunes", { base: { model: "base" }, recipe: { preset: "edge", steps: 1 } }],
    ["/v1/pretrainings", { recipe: { preset: "paper", steps: 1 } }],
  ];
  for (const [i, [path, rest]] of trainings.entries()) {
    const start = (by: Call) => by("POST", path, { json: { dataset, name: `mine-${i}`, ...rest } });
    const { id } = await (await start(ann)).json();
    await refused(start(bob), 409, "conflict");
    await services.jobs.cancel(id).catch(() => {}); // it may have ended
  }
}
