/** Settings that keep strangers out of a server: logins, names, TLS, proxies, quotas. */
import { z } from "zod";
import { DEFAULT_QUOTAS, type LoginSettings, type Quotas, type Role, ROLES } from "../../identity/mod.ts";
import type { ServerOptions } from "../../server/mod.ts";
import { type Args, type Flags, UsageError } from "../terminal/args.ts";
import type { Io } from "../terminal/io.ts";
import { readSettings, type Setting } from "./settings.ts";

export const PROTECTION_FLAGS = {
  login: {
    value: "KIND",
    help: "How to log in: none, token (API tokens), oidc (a provider, and API tokens). Default none",
  },
  "public-url": { value: "URL", help: "Where browsers reach the server, such as https://sulcus.example.org" },
  "allowed-hosts": { value: "A,B", help: "More host names under which the server answers" },
  insecure: {
    help: "Allow others to reach the server without login, or under any name: whoever does may do everything",
  },
  "allow-remote-without-login": { help: "The former name of --insecure" },
  "oidc-issuer": { value: "URL", help: "Address of the login provider, with --login oidc" },
  "oidc-client-id": { value: "ID", help: "Of the web page at the provider. Its secret: SULCUS_OIDC_CLIENT_SECRET" },
  "oidc-scopes": { value: "LIST", help: 'Scopes to ask for. Default "openid profile"' },
  "oidc-audience": { value: "NAME", help: "Audience of access tokens that programs may send. Default: none are taken" },
  "oidc-token-type": {
    value: "TYPE",
    help: "Type of those tokens: at+jwt, or JWT for older providers. Default at+jwt",
  },
  "oidc-roles-claim": { value: "PATH", help: "Claim with roles or groups, such as realm_access.roles. Default roles" },
  "oidc-roles": { value: "A=ROLE,…", help: `Value of that claim=role: ${ROLES.join(", ")}` },
  "oidc-projects-claim": { value: "PATH", help: "Claim with the names of projects. Default: none" },
  "tls-cert": { value: "FILE", help: "Certificate chain as PEM: the server does TLS itself, with --tls-key" },
  "tls-key": { value: "FILE", help: "Private key as PEM" },
  "trusted-proxies": { value: "A,B", help: "Addresses or ranges of proxies whose X-Forwarded-For counts" },
  quotas: {
    value: "A=N,…",
    help: "Most of each user; 0: no bound. Default " +
      "requests=1200 (a minute), jobs=20 (at one time), gigabytes=0, device-minutes=0 (a day)",
  },
} as const satisfies Flags;

const SOURCES = {
  login: { flag: "login", env: "SULCUS_LOGIN" },
  publicUrl: { flag: "public-url", env: "SULCUS_PUBLIC_URL" },
  issuer: { flag: "oidc-issuer", env: "SULCUS_OIDC_ISSUER" },
  clientId: { flag: "oidc-client-id", env: "SULCUS_OIDC_CLIENT_ID" },
  clientSecret: { env: "SULCUS_OIDC_CLIENT_SECRET", secret: true },
  scopes: { flag: "oidc-scopes", env: "SULCUS_OIDC_SCOPES" },
  audience: { flag: "oidc-audience", env: "SULCUS_OIDC_AUDIENCE" },
  tokenType: { flag: "oidc-token-type", env: "SULCUS_OIDC_TOKEN_TYPE" },
  rolesClaim: { flag: "oidc-roles-claim", env: "SULCUS_OIDC_ROLES_CLAIM" },
  roles: { flag: "oidc-roles", env: "SULCUS_OIDC_ROLES" },
  projectsClaim: { flag: "oidc-projects-claim", env: "SULCUS_OIDC_PROJECTS_CLAIM" },
  tlsCert: { flag: "tls-cert", env: "SULCUS_TLS_CERT" },
  tlsKey: { flag: "tls-key", env: "SULCUS_TLS_KEY" },
  trustedProxies: { flag: "trusted-proxies", env: "SULCUS_TRUSTED_PROXIES" },
  quotas: { flag: "quotas", env: "SULCUS_QUOTAS" },
} as const satisfies Record<string, Setting>;

const LOCAL_NAMES = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** An address of a server; plain HTTP only where nobody else can listen. */
const address = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, hostname, username } = new URL(text);
    return username === "" && (protocol === "https:" || (protocol === "http:" && LOCAL_NAMES.test(hostname)));
  },
  "expected an address that begins with https:// (http:// on this machine only)",
);

const list = z.string().transform((text) => text.split(",").map((part) => part.trim()).filter((part) => part !== ""));

/** `a=1,b=2` as pairs. A value may hold "=", a name at its end may not. */
const pairs = list.transform((parts, context) =>
  parts.map((part): [string, string] => {
    const at = part.lastIndexOf("=");
    if (at < 1) context.addIssue({ code: "custom", message: "expected NAME=VALUE, with commas between" });
    return [part.slice(0, at), part.slice(at + 1)];
  })
);

const QUOTA_NAMES = {
  "requests": "requestsPerMinute",
  "jobs": "openJobs",
  "gigabytes": "gigabytesPerDay",
  "device-minutes": "deviceMinutesPerDay",
} as const satisfies Record<string, keyof Quotas>;

const rolesSchema = pairs.transform((found, context): Record<string, Role> => {
  const roles: [string, Role][] = [];
  for (const [value, name] of found) {
    const role = ROLES.find((one) => one === name);
    if (role) roles.push([value, role]);
    else context.addIssue({ code: "custom", message: `expected VALUE=ROLE with a role of ${ROLES.join(", ")}` });
  }
  return Object.fromEntries(roles);
});

const quotasSchema = pairs.transform((found, context): Quotas => {
  const quotas: Partial<Record<keyof Quotas, number>> = {};
  for (const [name, value] of found) {
    if (Object.hasOwn(QUOTA_NAMES, name) && /^\d{1,9}(\.\d{1,3})?$/.test(value)) {
      quotas[QUOTA_NAMES[name as keyof typeof QUOTA_NAMES]] = Number(value);
    } else {
      const names = Object.keys(QUOTA_NAMES).join(", ");
      context.addIssue({ code: "custom", message: `expected NAME=NUMBER with a name of ${names}` });
    }
  }
  return { ...DEFAULT_QUOTAS, ...quotas };
});

const schema = z.strictObject({
  login: z.enum(["none", "token", "oidc"], "expected none, token or oidc").default("none"),
  publicUrl: address.optional(),
  issuer: address.optional(),
  clientId: z.string().optional(),
  clientSecret: z.string().optional(),
  scopes: z.string().refine((text) => text.split(" ").includes("openid"), "expected scopes with openid among them")
    .default("openid profile"),
  audience: z.string().optional(),
  tokenType: z.enum(["at+jwt", "JWT"], "expected at+jwt or JWT").default("at+jwt"),
  rolesClaim: z.string().default("roles"),
  roles: rolesSchema.optional(),
  projectsClaim: z.string().optional(),
  tlsCert: z.string().optional(),
  tlsKey: z.string().optional(),
  trustedProxies: list.default([]),
  quotas: quotasSchema.default(DEFAULT_QUOTAS),
});
type Found = z.output<typeof schema>;

type Protection = Pick<
  ServerOptions,
  "login" | "publicUrl" | "tls" | "trustedProxies" | "identityQuotas" | "insecure"
>;

/** @throws {UsageError} naming the flag or variable that is wrong or missing */
export async function protectionOf(args: Args, env: Io["env"]): Promise<Protection> {
  const found = readSettings(SOURCES, schema, { args, env });
  return {
    login: loginOf(found),
    publicUrl: found.publicUrl,
    tls: await tlsOf(found),
    trustedProxies: found.trustedProxies,
    identityQuotas: found.quotas,
    insecure: args.is("insecure") || args.is("allow-remote-without-login"),
  };
}

function loginOf(found: Found): LoginSettings {
  const { login: kind, issuer, clientId, clientSecret, audience, tokenType, roles, publicUrl } = found;
  if (kind !== "oidc") {
    if (issuer !== undefined) missing("login", `expected oidc, because an issuer is given, got ${kind}`);
    return { kind };
  }
  if (issuer === undefined) return missing("issuer", "expected the provider's address");
  if (clientId === undefined) return missing("clientId", "expected the id of this server's web page at the provider");
  if (publicUrl === undefined) {
    return missing("publicUrl", "expected the address to which the provider sends browsers back");
  }
  if (roles === undefined) return missing("roles", "expected who gets which role, such as sulcus-admins=admin");
  if (tokenType === "JWT" && audience === clientId) {
    return missing("audience", "expected another name than the client id, or ID tokens would pass as access tokens");
  }
  const { scopes, rolesClaim, projectsClaim } = found;
  const oidc = { issuer, clientId, clientSecret, scopes, audience, tokenType, rolesClaim, roles, projectsClaim };
  return { kind, oidc };
}

function missing(name: keyof typeof SOURCES, message: string): never {
  const setting: Setting = SOURCES[name];
  throw new UsageError(`Cannot use --${setting.flag} (${setting.env}): ${message}`);
}

async function tlsOf({ tlsCert, tlsKey }: Found): Promise<ServerOptions["tls"]> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined) return missing("tlsCert", "expected a file, because --tls-key names one");
  if (tlsKey === undefined) return missing("tlsKey", "expected a file, because --tls-cert names one");
  return { cert: await pem("tlsCert", tlsCert, "CERTIFICATE"), key: await pem("tlsKey", tlsKey, "PRIVATE KEY") };
}

/** Never names the file's content: it may be a key. */
async function pem(name: "tlsCert" | "tlsKey", file: string, what: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch(() => missing(name, "expected a file that can be read"));
  if (!new RegExp(`-----BEGIN [A-Z ]*${what}-----`).test(text)) missing(name, `expected PEM text with a ${what}`);
  return text;
}
