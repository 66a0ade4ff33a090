/** How people and programs prove who they are. */
import type { Role } from "./types.ts";

export interface OidcSettings {
  /** The provider's address, under which its discovery document lies. */
  readonly issuer: string;
  /** Of the web page, for the authorisation code flow. */
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly scopes: string;
  /** Audience that bearer tokens of clients must name; absent: bearer tokens of the provider are refused. */
  readonly audience?: string;
  /** The header `typ` that they must have; "at+jwt" is the standard's, RFC 9068. */
  readonly tokenType: "at+jwt" | "JWT";
  /** Path of the claim with roles or groups: `realm_access.roles`. */
  readonly rolesClaim: string;
  /** Value of that claim → role. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Path of the claim with the names of projects. */
  readonly projectsClaim?: string;
}

export interface LoginSettings {
  /** "none": everybody may do everything; "token": API tokens; "oidc": a provider, and API tokens. */
  readonly kind: "none" | "token" | "oidc";
  readonly oidc?: OidcSettings;
}

export const NO_LOGIN: LoginSettings = { kind: "none" };
