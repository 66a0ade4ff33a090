/** Projects as an administrator sees them: how long each keeps what it has, and how much it may have. */
import { z } from "zod";
import { PROJECT_NAME } from "../../identity/mod.ts";
import { json } from "../http/reply.ts";
import { route } from "../http/route.ts";
import { policyRequestSchema, projectListSchema, projectSchema } from "../schemas/identity.ts";

const tag = "Who may do what";
const projectParams = z.strictObject({ name: z.string().regex(PROJECT_NAME, "expected the name of a project") });
const one = { 200: { description: "The project", content: { "application/json": projectSchema } } };

export const PROJECT_ROUTES = [
  route({
    method: "GET",
    path: "/v1/projects",
    permits: "admin",
    tag,
    summary: "Projects: what each keeps, and the bytes that it uses",
    replies: { 200: { description: "By name", content: { "application/json": projectListSchema } } },
    refusals: [],
    handle: async ({ services: { projects } }) => json({ projects: await projects.list() }),
  }),
  route({
    method: "GET",
    path: "/v1/projects/{name}",
    permits: "admin",
    tag,
    summary: "What a project keeps",
    params: projectParams,
    replies: one,
    refusals: ["invalid-request"],
    handle: async ({ params, services: { projects } }) => json(await projects.get(params.name)),
  }),
  route({
    method: "PUT",
    path: "/v1/projects/{name}",
    permits: "admin",
    audit: { action: "project.change", object: "project" },
    tag,
    summary: "Set how long a project keeps things, and how much it may have",
    description:
      "Fields that are absent are those of the installation; null is for ever, or without a bound. What is " +
      "over goes with the next sweep, within ten minutes.",
    params: projectParams,
    body: { kind: "json", schema: policyRequestSchema },
    replies: one,
    refusals: ["invalid-request"],
    handle: async ({ params, body, services: { projects }, witness }) =>
      json(await projects.put(params.name, body, { witness })),
  }),
];
