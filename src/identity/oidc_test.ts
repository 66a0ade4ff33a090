import assert from "node:assert/strict";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { Oidc } from "./oidc.ts";
import type { OidcSettings } from "./settings.ts";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

/** A provider that serves its description and whatever keys it has now. */
async function withProvider(
  fn: (provider: { issuer: string; keys: Map<string, Pair>; settings: OidcSettings }) => Promise<void>,
): Promise<void> {
  const keys = new Map<string, Pair>();
  let issuer = "";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    if (new URL(url).pathname === "/keys") {
      const list = [...keys].map(async ([kid, { publicKey }]) => ({
        ...await exportJWK(publicKey),
        kid,
        alg: "ES256",
      }));
      return Response.json({ keys: await Promise.all(list) });
    }
    return Response.json({ issuer, jwks_uri: `${issuer}/keys`, authorization_endpoint: `${issuer}/auth` });
  });
  issuer = `http://127.0.0.1:${server.addr.port}`;
  try {
    await fn({
      issuer,
      keys,
      settings: {
        issuer,
        clientId: "page",
        scopes: "openid",
        audience: "api",
        tokenType: "at+jwt",
        rolesClaim: "realm_access.roles",
        roles: { doctors: "user", "it-dept": "admin" },
        projectsClaim: "projects",
      },
    });
  } finally {
    await server.shutdown();
  }
}

async function newKey(): Promise<Pair> {
  return await generateKeyPair("ES256", { extractable: true });
}

interface Changes {
  readonly header?: Record<string, string>;
  readonly payload?: JWTPayload;
}

function sign(key: Pair, kid: string, issuer: string, { header, payload }: Changes = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: "api", sub: "ada", exp: now + 60, realm_access: { roles: ["doctors", "x"] } };
  return new SignJWT({ ...claims, projects: ["neuro"], ...payload })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid, ...header }).sign(key.privateKey);
}

Deno.test("verify() takes a token of the provider, and refuses it where one thing about it is wrong", () =>
  withProvider(async ({ issuer, keys, settings }) => {
    const [key, stranger] = [await newKey(), await newKey()];
    keys.set("a", key);
    const oidc = new Oidc(settings);
    const found = await oidc.verify(await sign(key, "a", issuer));
    assert.deepEqual([found?.name, found?.roles, found?.projects, found?.via], ["ada", ["user"], ["neuro"], "oidc"]);
    const again = await oidc.verify(await sign(key, "a", issuer, { payload: { sub: "bob" } }));
    assert.notEqual(again?.id, found?.id);
    const past = Math.floor(Date.now() / 1000) - 600;
    const wrong: readonly (readonly [what: string, token: Promise<string>])[] = [
      ["signature", sign(stranger, "a", issuer)],
      ["issuer", sign(key, "a", "https://other.example")],
      ["audience", sign(key, "a", issuer, { payload: { aud: "page" } })],
      ["no audience", sign(key, "a", issuer, { payload: { aud: undefined } })],
      ["expiry", sign(key, "a", issuer, { payload: { exp: past } })],
      ["no expiry", sign(key, "a", issuer, { payload: { exp: undefined } })],
      ["not yet valid", sign(key, "a", issuer, { payload: { nbf: past + 1200 } })],
      ["no subject", sign(key, "a", issuer, { payload: { sub: undefined } })],
      ["type", sign(key, "a", issuer, { header: { typ: "JWT" } })],
      ["key", sign(key, "unknown", issuer)],
    ];
    for (const [what, token] of wrong) assert.equal(await oidc.verify(await token), null, what);
    const [, payload] = (await sign(key, "a", issuer)).split(".");
    const none = `${btoa('{"alg":"none","typ":"at+jwt"}').replaceAll("=", "")}.${payload}.`;
    assert.equal(await oidc.verify(none), null, "no signature");
    assert.equal(await oidc.verify("a.b.c"), null, "no token");
    assert.equal(await new Oidc({ ...settings, audience: undefined }).verify(await sign(key, "a", issuer)), null);
  }));

Deno.test("verify() takes a new key of the provider, and reports that it does not answer", () =>
  withProvider(async ({ issuer, keys, settings }) => {
    const [old, next] = [await newKey(), await newKey()];
    keys.set("old", old);
    const oidc = new Oidc(settings, { keysCooldownMs: 0 });
    assert.ok(await oidc.verify(await sign(old, "old", issuer)));
    keys.delete("old");
    keys.set("next", next);
    assert.ok(await oidc.verify(await sign(next, "next", issuer)), "the new key");
    assert.equal(await oidc.verify(await sign(old, "old", issuer)), null, "a key that the provider took back");
    const away = new Oidc({ ...settings, issuer: "http://127.0.0.1:1" });
    await assert.rejects(away.verify("a.b.c"), { code: "login-unavailable" });
    await assert.rejects(away.begin("http://127.0.0.1/login/callback"), { code: "login-unavailable" });
  }));
