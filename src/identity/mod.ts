/** Who calls, and what they may do. Not HTTP: `server/` finds the proof in a request and turns refusals into replies. */
export { Access, type Holders, type ObjectKind, type ObjectName } from "./access.ts";
export { Logins, type Proof } from "./logins.ts";
export type { PendingLogin } from "./oidc.ts";
export {
  DEFAULT_POLICY,
  type OwnPolicy,
  Policies,
  type Policy,
  policySchema,
  type PolicyTime,
  PROJECT_NAME,
} from "./policies.ts";
export { type Project, Projects } from "./projects.ts";
export { DEFAULT_QUOTAS, QuotaBook, QuotaError, type Quotas, tooManyJobs } from "./quotas.ts";
export { SESSION_HOURS } from "./sessions.ts";
export { type LoginSettings, NO_LOGIN, type OidcSettings } from "./settings.ts";
export { type Token, Tokens, type TokenWish } from "./tokens.ts";
export { hasRole, type Identity, LOCAL, NOBODY, ownerOf, type Role, ROLES } from "./types.ts";
