/** Schemas of who calls, of tokens, and of who has what. */
import { z } from "zod";
import { policySchema, PROJECT_NAME, ROLES } from "../../identity/mod.ts";
import { named } from "./named.ts";

const roleSchema = z.enum(ROLES);
export const projectNameSchema = z.string().regex(
  PROJECT_NAME,
  "expected 1 to 64 of letters, digits, '.', '_' and '-'",
);

export const identitySchema = named(
  "Identity",
  z.strictObject({
    id: z.string().describe("Stable and opaque."),
    name: z.string(),
    roles: z.array(roleSchema),
    projects: z.array(z.string()).describe("Projects whose data sets and models it shares."),
    via: z.enum(["none", "token", "oidc"]).describe("How it was proven; none: the server has no logins."),
  }),
);

export const tokenLoginSchema = named("TokenLogin", z.strictObject({ token: z.string().min(1).max(200) }));

export const tokenRequestSchema = named(
  "TokenRequest",
  z.strictObject({
    name: z.string().trim().min(1).max(100).describe("What it is for, to tell it from others."),
    role: roleSchema.describe("The most that it may do."),
    projects: z.array(projectNameSchema).max(100).optional(),
    days: z.int().min(1).max(3650).optional().describe("How long it is valid. Default 90."),
  }),
);

const tokenShape = {
  id: z.string(),
  name: z.string(),
  role: roleSchema,
  projects: z.array(z.string()),
  createdBy: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  revokedAt: z.string().optional(),
};
export const tokenSchema = named("Token", z.strictObject(tokenShape));
export const newTokenSchema = named(
  "NewToken",
  z.strictObject({ ...tokenShape, token: z.string().describe("The token itself, shown this once.") }),
);
export const tokenListSchema = named("TokenList", z.strictObject({ tokens: z.array(tokenSchema) }));

export const shareRequestSchema = named(
  "ShareRequest",
  z.discriminatedUnion("with", [
    z.strictObject({ with: z.literal("nobody") }),
    z.strictObject({ with: z.literal("project"), project: projectNameSchema }),
    z.strictObject({ with: z.literal("everybody") }),
  ]),
);
export const holdersSchema = named(
  "Holders",
  z.strictObject({
    owner: z.string().nullable().describe("Id of its owner; null without a project: it is everybody's."),
    project: z.string().nullable().describe("Its members have it too."),
  }),
);

export const policyRequestSchema = named("ProjectPolicy", policySchema);
export const projectSchema = named(
  "Project",
  z.strictObject({
    name: z.string(),
    own: policySchema.describe("The fields that it sets itself."),
    policy: policySchema.required().describe("All fields that apply to it."),
    usedBytes: z.int().describe("Bytes of its data sets and models."),
  }),
);
export const projectListSchema = named("ProjectList", z.strictObject({ projects: z.array(projectSchema) }));
