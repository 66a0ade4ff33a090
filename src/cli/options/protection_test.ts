import assert from "node:assert/strict";
import { Args } from "../terminal/args.ts";
import { inTemp } from "../testing/cli.ts";
import { protectionOf } from "./protection.ts";

const none = new Args([], new Map());
const OIDC = {
  SULCUS_LOGIN: "oidc",
  SULCUS_OIDC_ISSUER: "https://login.example.org/realms/a",
  SULCUS_OIDC_CLIENT_ID: "page",
  SULCUS_OIDC_ROLES: "CN=staff,it=admin",
  SULCUS_PUBLIC_URL: "https://sulcus.example.org",
};

Deno.test("protectionOf() reads a login provider, and nothing is on by default", async () => {
  const quiet = await protectionOf(none, {});
  assert.deepEqual([quiet.login, quiet.insecure, quiet.tls], [{ kind: "none" }, false, undefined]);
  const { login } = await protectionOf(none, { ...OIDC, SULCUS_OIDC_ROLES: "CN=staff=user,it=admin" });
  assert.deepEqual([login?.kind, login?.oidc?.roles], ["oidc", { "CN=staff": "user", it: "admin" }]);
  const former = new Args([], new Map([["allow-remote-without-login", true as const]]));
  assert.equal((await protectionOf(former, {})).insecure, true);
  const { identityQuotas } = await protectionOf(none, { SULCUS_QUOTAS: "jobs=3,device-minutes=60" });
  assert.deepEqual([identityQuotas?.openJobs, identityQuotas?.deviceMinutesPerDay], [3, 60]);
});

Deno.test("protectionOf() names the setting that is wrong or missing", async () => {
  const wrong: readonly (readonly [env: Record<string, string>, message: RegExp])[] = [
    [{ SULCUS_LOGIN: "ldap" }, /^Cannot use SULCUS_LOGIN: expected none, token or oidc, got "ldap"$/],
    [{ SULCUS_LOGIN: "oidc" }, /^Cannot use --oidc-issuer \(SULCUS_OIDC_ISSUER\): expected the provider's address$/],
    [{ SULCUS_OIDC_ISSUER: "https://a.example" }, /^Cannot use --login \(SULCUS_LOGIN\): expected oidc/],
    [{ ...OIDC, SULCUS_OIDC_ISSUER: "http://login.example.org" }, /expected an address that begins with https:\/\//],
    [{ ...OIDC }, /^Cannot use SULCUS_OIDC_ROLES: expected VALUE=ROLE with a role of viewer, user/],
    [
      { ...OIDC, SULCUS_OIDC_ROLES: "" },
      /^Cannot use --oidc-roles \(SULCUS_OIDC_ROLES\): expected who gets which role/,
    ],
    [
      { ...OIDC, SULCUS_OIDC_ROLES: "a=user", SULCUS_OIDC_TOKEN_TYPE: "JWT", SULCUS_OIDC_AUDIENCE: "page" },
      /^Cannot use --oidc-audience .* ID tokens would pass/,
    ],
    [{ SULCUS_QUOTAS: "files=3" }, /^Cannot use SULCUS_QUOTAS: expected NAME=NUMBER/],
    [{ SULCUS_TLS_CERT: "/none" }, /^Cannot use --tls-key \(SULCUS_TLS_KEY\): expected a file/],
  ];
  for (const [env, message] of wrong) await assert.rejects(protectionOf(none, env), { name: "UsageError", message });
});

Deno.test("protectionOf() takes PEM files, and never shows what another file holds", () =>
  inTemp(async (folder) => {
    const file = `${folder}/cert`;
    await Deno.writeTextFile(file, "secret");
    await assert.rejects(
      protectionOf(none, { SULCUS_TLS_CERT: file, SULCUS_TLS_KEY: file }),
      (error: Error) => /expected PEM text with a CERTIFICATE$/.test(error.message) && !/secret/.test(error.message),
    );
  }));
