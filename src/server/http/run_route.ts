/** Checks a request against its route's record and calls the handler. */
import type { Identity } from "../../identity/mod.ts";
import { workFor } from "../../process/mod.ts";
import type { Witness } from "../../storage/mod.ts";
import { bodyChunks, bodyLimits, checkedStart, readJson } from "./body.ts";
import { bestType } from "./negotiate.ts";
import { Problem } from "./problems.ts";
import { type BodySpec, maxBytesOf, mediaTypesOf, type Route } from "./route.ts";
import type { Services } from "./services.ts";
import { parseWith, refuseNul } from "./validate.ts";

/** Content types that each kind of body may have. */
const CONTENT_TYPES: Readonly<Record<BodySpec["kind"], RegExp>> = {
  json: /^application\/(json|[\w.-]+\+json)$/,
  form: /^multipart\/form-data$/,
  files: /^(application\/(octet-stream|zip|x-zip-compressed)|multipart\/form-data|)$/,
  file: /^(application\/(octet-stream|gzip|x-gzip|zip|x-zip-compressed|x-nifti)|)$/,
};

/** Checks the request and calls the handler. @throws {Problem} and what the handler throws */
export async function runRoute(
  route: Route,
  request: Request,
  { params, services, identity, address, witness }: {
    readonly params: Record<string, string>;
    readonly services: Services;
    readonly identity: Identity;
    readonly address: string;
    readonly witness: Witness;
  },
): Promise<Response> {
  const mediaType = mediaTypeOf(route, request);
  refuseNul(params, "path", route.params);
  const checkedParams = parseWith(route.params, params, "path");
  const rawQuery = queryOf(route, request);
  refuseNul(rawQuery, "query", route.query);
  const query = parseWith(route.query, rawQuery, "query");
  if (route.body) checkContentType(route.body, request);
  await using quota = await services.quotas.upload(identity, route.body !== undefined);
  const received = (bytes: number) => {
    services.metrics.uploaded.add({}, bytes);
    quota.add(bytes);
  };
  const body = route.body && await bodyOf(route.body, request, { services, received });
  if (route.method === "GET") return await handle();
  // A folder that was removed or unmounted takes no writes: rows and files would be lost with the next start.
  await checkStorage(services);
  const reply = await handle();
  await checkStorage(services);
  return reply;

  async function handle(): Promise<Response> {
    const { signal } = request;
    const call = {
      params: checkedParams,
      query,
      body,
      request,
      services,
      identity,
      address,
      witness,
      received,
      mediaType,
      signal,
    };
    return await workFor(signal, () => route.handle(call));
  }
}

/** @throws {Problem} `storage-unavailable` */
async function checkStorage({ spool }: Services): Promise<void> {
  if (await spool.isPresent()) return;
  throw new Problem("storage-unavailable", "Cannot store it: the server's data folder is not there");
}

function mediaTypeOf(route: Route, request: Request): string {
  const offered = mediaTypesOf(route);
  if (offered.length === 0) return "";
  const best = bestType(request.headers.get("accept"), offered);
  if (best !== undefined) return best;
  throw new Problem("not-acceptable", `Cannot reply as asked: this route gives ${[...new Set(offered)].join(", ")}`);
}

function queryOf(route: Route, request: Request): Record<string, string> {
  const { searchParams } = new URL(request.url);
  const repeated = [...searchParams.keys()].find((name, i, all) => all.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new Problem("invalid-request", "Cannot take the query: a parameter is given twice", {
      path: Object.hasOwn(route.query.shape, repeated) ? `query.${repeated}` : "query",
    });
  }
  return Object.fromEntries(searchParams);
}

function checkContentType({ kind }: BodySpec, request: Request): void {
  const type = (request.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (CONTENT_TYPES[kind].test(type)) return;
  const expected = {
    json: "application/json",
    form: "multipart/form-data",
    file: "application/octet-stream",
    files: "application/octet-stream or multipart/form-data",
  }[kind];
  throw new Problem("unsupported-media-type", `Cannot read the body: expected Content-Type ${expected}`);
}

async function bodyOf(
  spec: BodySpec,
  request: Request,
  { services: { settings }, received }: { services: Services; received: (bytes: number) => void },
): Promise<unknown> {
  const bounds = bodyLimits(settings.limits, maxBytesOf(spec, settings.limits), received);
  switch (spec.kind) {
    case "json":
      return parseWith(spec.schema, await readJson(request, bounds), "");
    case "file":
      return ReadableStream.from(checkedStart(bodyChunks(request, bounds), spec.file, "the body"));
    case "files":
    case "form":
      return undefined;
  }
}
