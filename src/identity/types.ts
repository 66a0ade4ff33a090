/** Who calls, as plain data: the rooms above show, store and compare it, and never make one themselves. */

/** From the least to the most that somebody may do; each includes those before it. */
export const ROLES = ["viewer", "user", "annotator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Identity {
  /** Stable and opaque: equal for the same person or program; "local" where no login is configured. */
  readonly id: string;
  /** For people to read. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Projects whose data sets and models it shares. */
  readonly projects: readonly string[];
  /** How it was proven. */
  readonly via: "none" | "token" | "oidc";
}

/** Everybody who reaches a server without logins. */
export const LOCAL: Identity = { id: "local", name: "local", roles: ROLES, projects: [], via: "none" };

/** Somebody who has not shown who they are, where logins are configured: may call only what everyone may. */
export const NOBODY: Identity = { id: "nobody", name: "nobody", roles: [], projects: [], via: "none" };

/** Reports whether an identity has a role, or one that includes it. */
export function hasRole({ roles }: Pick<Identity, "roles">, least: Role): boolean {
  return roles.some((role) => ROLES.indexOf(role) >= ROLES.indexOf(least));
}

/** The owner that an identity's objects are stored with; null: everybody with the role has them. */
export function ownerOf({ id, via }: Pick<Identity, "id" | "via">): string | null {
  return via === "none" ? null : id;
}
