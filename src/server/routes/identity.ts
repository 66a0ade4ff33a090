/** Who calls: login and logout of people at the web page, tokens of programs, and who shares what. */
import { z } from "zod";
import type { Actor } from "../../audit/mod.ts";
import { type Identity, LOCAL, NOBODY, type ObjectName } from "../../identity/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { cookieOf, droppedCookie, newCookie } from "../http/cookies.ts";
import { Problem } from "../http/problems.ts";
import { json } from "../http/reply.ts";
import { type Call, route } from "../http/route.ts";
import type { Services } from "../http/services.ts";
import {
  holdersSchema,
  identitySchema,
  newTokenSchema,
  shareRequestSchema,
  tokenListSchema,
  tokenLoginSchema,
  tokenRequestSchema,
  tokenSchema,
} from "../schemas/identity.ts";
import { idParams, nameParams } from "../schemas/requests.ts";

const tag = "Who may do what";
const none = (description: string) => ({ 204: { description, headers: { "set-cookie": "The session" } } });
const sentTo = (description: string) => ({ 302: { description, headers: { location: "The address" } } });
const pendingSchema = z.strictObject({ state: z.string(), nonce: z.string(), verifier: z.string() });

/** The provider, and the address to which it sends browsers back. */
async function providerOf({ logins, settings }: Services) {
  const oidc = await logins.provider();
  if (oidc === undefined || settings.publicUrl === undefined) {
    throw new Problem("not-found", "Cannot log in so: no login provider is configured here");
  }
  return { oidc, callback: new URL("/login/callback", settings.publicUrl) };
}

/** Ends the session of a request, if it has one. */
async function endSession(request: Request, { logins, settings }: Services): Promise<void> {
  const secret = cookieOf(request, settings, "session");
  if (secret !== undefined) await logins.sessions.close(secret);
}

/** Records who logged in, or that somebody tried. */
async function loggedIn(work: () => Promise<Identity>, { audit, metrics }: Services): Promise<Identity> {
  const object = { kind: "user", id: "none" } as const;
  let identity: Identity;
  try {
    identity = await work();
  } catch (error) {
    metrics.authFailures.add({ reason: "login" });
    const code = error instanceof DomainError ? error.code : "internal";
    await audit.record({ who: actorOf(NOBODY), action: "login", object, outcome: "refused", code });
    throw error;
  }
  await audit.record({
    who: actorOf(identity),
    action: "login",
    object: { kind: "user", id: identity.id },
    outcome: "success",
  });
  return identity;
}

function actorOf({ id, name, via }: Identity): Actor {
  return { id, name, via };
}

async function share(
  { services: { access, registry, datasets }, identity, witness }: Pick<
    Call<unknown, unknown, unknown>,
    "services" | "identity" | "witness"
  >,
  object: ObjectName & { kind: "model" | "dataset" },
  wish: z.output<typeof shareRequestSchema>,
): Promise<Response> {
  await (object.kind === "model" ? registry.get(object.id) : datasets.get(object.id)); // it must exist
  const project = wish.with === "project" ? wish.project : null;
  return json(
    await access.share(identity, object, { with: wish.with === "everybody" ? "everybody" : { project }, witness }),
  );
}

const holders = { 200: { description: "Whose it is", content: { "application/json": holdersSchema } } };

export const IDENTITY_ROUTES = [
  route({
    method: "GET",
    path: "/v1/me",
    permits: "viewer",
    tag,
    summary: "Who calls: name, roles, projects",
    replies: { 200: { description: "The caller", content: { "application/json": identitySchema } } },
    refusals: [],
    handle: ({ identity }) => json(identity),
  }),
  route({
    method: "GET",
    path: "/login",
    permits: "everyone",
    tag,
    summary: "Send a browser to the login provider",
    description: "Authorisation code with PKCE.",
    replies: sentTo("To the provider"),
    refusals: ["not-found", "login-unavailable"],
    async handle({ services }) {
      const { oidc, callback } = await providerOf(services);
      const { url, pending } = await oidc.begin(callback.href);
      const cookie = newCookie(services.settings, "login", JSON.stringify(pending));
      return new Response(null, { status: 302, headers: { location: url.href, "set-cookie": cookie } });
    },
  }),
  route({
    method: "GET",
    path: "/login/callback",
    permits: "everyone",
    tag,
    summary: "Take a browser back from the login provider, and open its session",
    query: z.looseObject({ code: z.string().optional(), state: z.string().optional() }),
    replies: sentTo("To the web page, with the session as a cookie"),
    refusals: ["not-found", "login-failed", "login-unavailable"],
    async handle({ request, services }) {
      const { oidc, callback } = await providerOf(services);
      callback.search = new URL(request.url).search;
      const kept = pendingSchema.safeParse(parsed(cookieOf(request, services.settings, "login")));
      if (!kept.success) {
        throw new Problem("login-failed", "Cannot log in: this browser began no login, or too long ago; begin again");
      }
      const identity = await loggedIn(() => oidc.finish(callback, kept.data), services);
      await endSession(request, services);
      const headers = new Headers({ location: "/" });
      headers.append(
        "set-cookie",
        newCookie(services.settings, "session", await services.logins.sessions.open(identity)),
      );
      headers.append("set-cookie", droppedCookie(services.settings, "login"));
      return new Response(null, { status: 302, headers });
    },
  }),
  route({
    method: "POST",
    path: "/login",
    permits: "everyone",
    tag,
    summary: "Open a session of the web page with an API token",
    body: { kind: "json", schema: tokenLoginSchema },
    replies: none("The session is a cookie"),
    refusals: ["login-required", "login-unavailable", "too-many-requests", "busy"],
    async handle({ body, request, services, address }) {
      const { logins, settings } = services;
      const proof = { authorization: `Bearer ${body.token}`, address };
      const identity = await loggedIn(() => logins.identify(proof), services);
      if (identity === NOBODY || identity === LOCAL) return new Response(null, { status: 204 });
      await endSession(request, services);
      const cookie = newCookie(settings, "session", await logins.sessions.open(identity));
      return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
    },
  }),
  route({
    method: "POST",
    path: "/logout",
    permits: "everyone",
    audit: { action: "logout", object: "user" },
    tag,
    summary: "End the session of the web page",
    replies: none("There is no session any more"),
    refusals: [],
    async handle({ request, services }) {
      await endSession(request, services);
      const headers = { "set-cookie": droppedCookie(services.settings, "session") };
      return new Response(null, { status: 204, headers });
    },
  }),
  route({
    method: "GET",
    path: "/v1/tokens",
    permits: "admin",
    tag,
    summary: "All API tokens, newest first",
    replies: { 200: { description: "Without their secrets", content: { "application/json": tokenListSchema } } },
    refusals: [],
    handle: async ({ services: { logins } }) => json({ tokens: await logins.tokens.list() }),
  }),
  route({
    method: "POST",
    path: "/v1/tokens",
    permits: "admin",
    audit: { action: "token.create", object: "token" },
    tag,
    summary: "Make an API token",
    body: { kind: "json", schema: tokenRequestSchema },
    replies: { 201: { description: "The token, shown this once", content: { "application/json": newTokenSchema } } },
    refusals: [],
    async handle({ body, services: { logins }, identity, witness }) {
      const { token, text } = await logins.tokens.create({ ...body, createdBy: identity.id, witness });
      const headers = { location: `/v1/tokens/${token.id}` };
      return json({ ...token, token: text }, { status: 201, headers });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/tokens/{id}",
    permits: "admin",
    audit: { action: "token.revoke", object: "token" },
    tag,
    summary: "Revoke an API token",
    description: "It is refused within ten seconds, by every process of the service.",
    params: idParams,
    replies: { 200: { description: "The token, revoked", content: { "application/json": tokenSchema } } },
    refusals: ["not-found"],
    handle: async ({ params, services: { logins }, witness }) =>
      json(await logins.tokens.revoke(params.id, { witness })),
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{id}/access",
    permits: "viewer",
    tag,
    summary: "Whose a data set is",
    params: idParams,
    replies: holders,
    refusals: ["not-found"],
    async handle({ params, services: { access, datasets } }) {
      await datasets.get(params.id);
      return json(await access.holders({ kind: "dataset", id: params.id }));
    },
  }),
  route({
    method: "PUT",
    path: "/v1/datasets/{id}/access",
    permits: "annotator",
    audit: { action: "project.change", object: "dataset" },
    tag,
    summary: "Share a data set with a project, or with nobody",
    description: "An administrator may also share it with everybody.",
    params: idParams,
    body: { kind: "json", schema: shareRequestSchema },
    replies: holders,
    refusals: ["not-found", "project-full"],
    handle: (call) => share(call, { kind: "dataset", id: call.params.id }, call.body),
  }),
  route({
    method: "GET",
    path: "/v1/models/{name}/access",
    permits: "viewer",
    tag,
    summary: "Whose a model is",
    params: nameParams,
    replies: holders,
    refusals: ["not-found"],
    async handle({ params, services: { access, registry } }) {
      await registry.get(params.name);
      return json(await access.holders({ kind: "model", id: params.name }));
    },
  }),
  route({
    method: "PUT",
    path: "/v1/models/{name}/access",
    permits: "annotator",
    audit: { action: "project.change", object: "model" },
    tag,
    summary: "Share a model with a project, or with nobody",
    description: "An administrator may also share it with everybody.",
    params: nameParams,
    body: { kind: "json", schema: shareRequestSchema },
    replies: holders,
    refusals: ["not-found", "project-full"],
    handle: (call) => share(call, { kind: "model", id: call.params.name }, call.body),
  }),
];

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
