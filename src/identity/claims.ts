/** An identity from the claims of a provider. */
import type { OidcSettings } from "./settings.ts";
import { sha256 } from "./secrets.ts";
import type { Identity, Role } from "./types.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** The value at a path such as `realm_access.roles`, as a list of texts. A claim whose own name has dots goes first. */
export function claimAt(claims: Claims, path: string): string[] {
  const value = Object.hasOwn(claims, path) ? claims[path] : path.split(".").reduce(
    (at: unknown, part) => isRecord(at) && Object.hasOwn(at, part) ? at[part] : undefined,
    claims,
  );
  const list = Array.isArray(value) ? value : typeof value === "string" ? value.split(" ") : [];
  return list.filter((one): one is string => typeof one === "string" && one !== "");
}

/** @param claims of a token whose signature, issuer, audience and time have been checked */
export async function identityOf(
  claims: Claims & { readonly sub: string },
  { issuer, rolesClaim, roles, projectsClaim }: OidcSettings,
): Promise<Identity> {
  const found = claimAt(claims, rolesClaim).flatMap((value): Role[] =>
    Object.hasOwn(roles, value) ? [roles[value]] : []
  );
  const names = [claims.preferred_username, claims.name, claims.email, claims.sub];
  const name = names.find((one): one is string => typeof one === "string" && one !== "") ?? claims.sub;
  return {
    id: `oidc:${(await sha256(`${issuer}\n${claims.sub}`)).slice(0, 32)}`,
    name: name.slice(0, 200),
    roles: [...new Set(found)],
    projects: projectsClaim === undefined ? [] : claimAt(claims, projectsClaim),
    via: "oidc",
  };
}

function isRecord(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
