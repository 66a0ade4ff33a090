/** Who calls, and what they may do. Not HTTP: `server/` finds the proof in a request and turns refusals into replies. */
export { hasRole, type Identity, LOCAL, NOBODY, ownerOf, type Role, ROLES } from "./types.ts";
