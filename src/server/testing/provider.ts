/** A real OpenID Connect provider on this machine, for tests of logins, and a client that logs in there as a browser does. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import Provider from "npm:oidc-provider@9.13.3";
import type { OidcSettings } from "../../identity/mod.ts";

export const PUBLIC_URL = "http://127.0.0.1:8080";
const AUDIENCE = "urn:sulcus:api";
export const CLIENT_ID = "sulcus-page";

export interface TestProvider extends AsyncDisposable {
  readonly settings: OidcSettings;
  /** An access token by client credentials; `audience` another resource's. */
  token(client: "robot" | "stranger", audience?: string): Promise<string>;
}

/** Accounts are named after their groups: `ada-admins-neuro`. The client "robot" has the group "users". */
export async function startProvider(publicUrl = PUBLIC_URL): Promise<TestProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const issuer = `http://127.0.0.1:${port}`;
  const machine = { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
  const provider = new Provider(issuer, {
    clients: [
      { client_id: CLIENT_ID, client_secret: "page-secret", redirect_uris: [`${publicUrl}/login/callback`] },
      { client_id: "robot", client_secret: "robot-secret", ...machine },
      { client_id: "stranger", client_secret: "stranger-secret", ...machine },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups", "projects"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of the test"] },
    // deno-lint-ignore require-await -- the provider's interface
    findAccount: async (_: unknown, id: string) => ({
      accountId: id,
      // deno-lint-ignore require-await -- the provider's interface
      claims: async () => ({
        sub: id,
        preferred_username: id,
        groups: [id.split("-")[1]],
        projects: id.split("-").slice(2),
      }),
    }),
    // deno-lint-ignore require-await -- the provider's interface
    extraTokenClaims: async (_: unknown, token: { clientId?: string }) => ({
      sub: token.clientId,
      groups: token.clientId === "robot" ? ["users"] : ["nobodies"],
    }),
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // deno-lint-ignore require-await -- the provider's interface
        getResourceServerInfo: async (_: unknown, audience: string) => ({
          scope: "api",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  server.on("request", provider.callback());
  return {
    settings: {
      issuer,
      clientId: CLIENT_ID,
      clientSecret: "page-secret",
      scopes: "openid profile",
      audience: AUDIENCE,
      tokenType: "at+jwt",
      rolesClaim: "groups",
      roles: { viewers: "viewer", users: "user", annotators: "annotator", admins: "admin" },
      projectsClaim: "projects",
    },
    async token(client, audience = AUDIENCE) {
      const body = new URLSearchParams({ grant_type: "client_credentials", scope: "api", resource: audience });
      const authorization = `Basic ${btoa(`${client}:${client}-secret`)}`;
      const reply = await fetch(`${issuer}/token`, { method: "POST", body, headers: { authorization } });
      const { access_token } = await reply.json();
      assert.ok(access_token, "the provider gave no token");
      return access_token;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Logs in at the provider as a browser does: follows its redirects and sends its forms with its cookies.
 * @returns the address to which the provider sends the browser back
 */
export async function signIn(start: string, account: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let [url, init]: [URL, RequestInit] = [new URL(start), {}];
  for (let step = 0; step < 20; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const reply = await fetch(url, { ...init, headers: { cookie }, redirect: "manual" });
    for (const set of reply.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await reply.text();
    const location = reply.headers.get("location");
    if (location !== null) {
      [url, init] = [new URL(location, url), {}];
      if (url.pathname === "/login/callback") return url;
      continue;
    }
    const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
    assert.ok(action, `the provider replied ${reply.status} without a form: ${text.slice(0, 500)}`);
    const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1] ?? "login";
    [url, init] = [
      new URL(action, url),
      { method: "POST", body: new URLSearchParams({ prompt, login: account, password: "any" }) },
    ];
  }
  throw new Error("Cannot sign in: the provider sends on without end");
}
