/**
 * The app on a workplace with fake tasks, for the tests of routes. Every reply that `call` gets is checked against the
 * route's schemas and the OpenAPI document, so an undocumented reply fails.
 */
import assert from "node:assert/strict";
import type { JobsOptions } from "../../jobs/jobs.ts";
import { AuditTrail } from "../../audit/mod.ts";
import { withWorkplace, type Workplace } from "../../jobs/testing/jobs.ts";
import type { Database } from "../../storage/mod.ts";
import { Readers } from "../../process/mod.ts";
import { draftOf } from "../../registry/testing/packages.ts";
import { rawZip } from "../../storage/testing/zip.ts";
import { Access, DEFAULT_POLICY, DEFAULT_QUOTAS, Logins, NO_LOGIN, Projects, QuotaBook } from "../../identity/mod.ts";
import { addressRanges } from "../http/address.ts";
import { createApp } from "../app.ts";
import { DeviceMemories } from "../observe/device_memory.ts";
import { DeviceState } from "../observe/devices.ts";
import { Health } from "../observe/health.ts";
import type { LogEntry } from "../observe/log.ts";
import { openApiDocument } from "../schemas/openapi.ts";
import { problemSchema } from "../schemas/replies.ts";
import { pathPattern, type Route } from "../http/route.ts";
import { ROUTES } from "../routes/routes.ts";
import { ServerMetrics } from "../observe/metrics.ts";
import { Admission } from "../http/admission.ts";
import type { Services } from "../http/services.ts";
import { DEFAULT_LIMITS, type ServerSettings } from "../settings.ts";
import { Spool } from "../http/spool.ts";

export const FAKE_TASKS = import.meta.resolve("./fake_tasks.ts");
export const HOST = "http://127.0.0.1:8080";

export interface Bench {
  readonly place: Workplace;
  readonly services: Services;
  readonly log: LogEntry[];
  /** Aborts: the server begins to stop. */
  readonly stop: AbortController;
  /** Sends a request and holds the reply against the document. */
  readonly call: Call;
}
export type Call = (method: string, path: string, init?: CallInit) => Promise<Response>;
export interface CallInit extends Omit<RequestInit, "method"> {
  /** Sent as JSON. */
  readonly json?: unknown;
}

export interface BenchOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly jobs?: Partial<JobsOptions>;
  /** In place of real services. */
  readonly services?: Partial<Services>;
}

export async function withBench(
  database: Database,
  fn: (bench: Bench) => Promise<void>,
  { settings: changes, jobs: jobsOptions, services: replaced }: BenchOptions = {},
): Promise<void> {
  await withWorkplace(database, async (place) => {
    const { registry, datasets, dataDirectory } = place;
    const jobs = await place.open({ tasksModule: FAKE_TASKS, ...jobsOptions });
    const spool = await Spool.open(dataDirectory, { alone: true });
    const stop = new AbortController();
    const log: LogEntry[] = [];
    const ok = () => Promise.resolve("ok" as const);
    const settings: ServerSettings = {
      host: "127.0.0.1",
      port: 8080,
      dataDirectory,
      provider: "cpu",
      modalityCheck: null,
      allowedHosts: [],
      login: NO_LOGIN,
      identityQuotas: DEFAULT_QUOTAS,
      secure: false,
      trustedProxies: addressRanges([]),
      insecure: false,
      limits: DEFAULT_LIMITS,
      packagedReports: "pseudonyms",
      retention: DEFAULT_POLICY,
      stopSeconds: 1,
      ...changes,
    };
    const services: Services = {
      settings,
      logins: new Logins(database, settings.login),
      access: new Access(database),
      projects: new Projects(database, settings.retention),
      quotas: new QuotaBook(database, settings.identityQuotas),
      database,
      audit: new AuditTrail(database),
      registry,
      datasets,
      jobs,
      devices: new DeviceState(() => Promise.resolve([{ provider: "cpu", name: "A CPU", state: "ready" }])),
      deviceMemory: new DeviceMemories(),
      health: new Health({ database: ok, storage: ok, device: ok, models: ok }, stop.signal),
      metrics: new ServerMetrics(),
      spool,
      admission: new Admission(changes?.limits ?? DEFAULT_LIMITS),
      readers: new Readers(),
      log: (entry) => log.push(entry),
      stopping: stop.signal,
      commit: "test",
      ...replaced,
    };
    await fn({ place, services, log, stop, call: callOf(services) });
    assert.equal(await spool.count(), 0, "an upload was left behind");
  });
}

/** Calls of the app on these services. */
export function callOf(services: Services): Call {
  const app = createApp(services);
  return async (method, path, { json, ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (json !== undefined) headers.set("content-type", "application/json");
    const body = json === undefined ? init.body : JSON.stringify(json);
    const reply = await app.request(HOST + path, { ...init, method, headers, body });
    await checkReply(method, path, reply.clone());
    return reply;
  };
}

const DOCUMENT = openApiDocument(ROUTES);
/** Routes that got a reply other than a problem, as "GET /v1/jobs/{id}". */
export const answered = new Set<string>();
/** Refusals that were given, as "GET /v1/jobs/{id} not-found". */
export const refused = new Set<string>();

async function checkReply(method: string, path: string, reply: Response): Promise<void> {
  assert.match(reply.headers.get("x-request-id") ?? "", /^[\w.:-]{8,64}$/);
  assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
  const route = routeOf(method, path);
  const type = reply.headers.get("content-type")?.split(";")[0];
  if (type === "application/problem+json") return checkProblem(route, reply, await reply.json());
  await checkSuccess(route, reply, type);
}

/** The fixed paths go before those with parameters, as in the app. */
function routeOf(method: string, path: string): Route | undefined {
  const { pathname } = new URL(HOST + path);
  return ROUTES.find((route) =>
    route.method === (method === "HEAD" ? "GET" : method) &&
    pathPattern(route).test(pathname)
  );
}

function checkProblem(route: Route | undefined, reply: Response, body: unknown): void {
  const { status, code, requestId } = problemSchema.parse(body);
  assert.equal(status, reply.status);
  assert.equal(requestId, reply.headers.get("x-request-id"));
  if (route === undefined) return;
  refused.add(`${route.method} ${route.path} ${code}`);
  const documented = DOCUMENT.paths[route.path][route.method.toLowerCase()].responses[String(status)];
  assert.match(documented?.description ?? "", new RegExp(`\\b${code}:`), `${route.method} ${route.path} ${status}`);
}

async function checkSuccess(route: Route | undefined, reply: Response, type: string | undefined): Promise<void> {
  assert.ok(route, "a route that is not in the table");
  const documented = route.replies[reply.status];
  assert.ok(documented, `${route.method} ${route.path} replied ${reply.status}, which its record does not list`);
  answered.add(`${route.method} ${route.path}`);
  const schema = type === undefined ? undefined : documented.content?.[type];
  if (type !== undefined) assert.ok(schema !== undefined, `${route.method} ${route.path} replied ${type}`);
  if (typeof schema === "object") schema.parse(await reply.json());
  else void reply.body?.cancel(); // settles only when the test has read its copy
}

/** Status and code of a problem, and its detail. */
export async function problem(
  reply: Response,
): Promise<{ status: number; code: string; detail: string; path?: string }> {
  const { status, code, detail, path } = problemSchema.parse(await reply.json());
  return { status, code, detail, path };
}

/** A form with a part per modality, and `options` as JSON. */
export function form(images: Record<string, Uint8Array<ArrayBuffer>>, options?: unknown): FormData {
  const data = new FormData();
  for (const [name, bytes] of Object.entries(images)) data.append(name, new Blob([bytes]), "Doe^Jane.nii.gz");
  if (options !== undefined) data.append("options", JSON.stringify(options));
  return data;
}

/** A form of files that belong together, each with its own name. */
export function filesForm(files: Record<string, Uint8Array<ArrayBuffer>>): FormData {
  const data = new FormData();
  for (const [name, bytes] of Object.entries(files)) data.append("files", new Blob([bytes]), name);
  return data;
}

/** A zip of texts and bytes. */
export function zipOf(files: Record<string, string | Uint8Array>): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return rawZip(
    Object.entries(files).map(([name, content]) => ({
      name,
      content: typeof content === "string" ? encoder.encode(content) : content,
    })),
  );
}

/** The package of a version as a zip; `network`: what its file holds, a text where that is not what the manifest says. */
export async function packageZip(
  name: string,
  version: number,
  network: string | Uint8Array<ArrayBuffer> = "other network",
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = typeof network === "string" ? new TextEncoder().encode("other network") : network;
  const digest = await crypto.subtle.digest("SHA-256", stated);
  const files = { "network.onnx": new Uint8Array(digest).toHex() };
  const manifest = { formatVersion: 1, ...draftOf({ name }), version, files };
  return zipOf({ "manifest.json": JSON.stringify(manifest), "network.onnx": network });
}

/** Waits for a job's end and gives its last state. */
export async function ended(services: Services, id: string): Promise<string> {
  for await (const event of services.jobs.events(id, { signal: AbortSignal.timeout(20_000) })) {
    if (event.type === "done") break;
  }
  return (await services.jobs.get(id)).state;
}
