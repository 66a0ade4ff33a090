/** The OpenAPI 3.1 document, written from the route table and its schemas. */
import type { z } from "zod";
import { INPUTS } from "../../inference/mod.ts";
import { namedSchemas, nameOf, parameterSchema } from "./named.ts";
import { type ProblemCode, statusOf, titleOf } from "../http/problems.ts";
import { problemSchema } from "./replies.ts";
import type { BodySpec, Permits, Reply, Route } from "../http/route.ts";
import { SULCUS_VERSION } from "../settings.ts";

type Json = Record<string, unknown>;

/** The parts of the document that `/docs` shows. */
export interface OpenApiDocument extends Json {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly securitySchemes: Readonly<Record<string, Json>>;
  };
}
export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Who may call it. */
  readonly "x-permits": Permits;
  /** The proofs of which one is needed, where the server has logins. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Json;
}
export interface MediaType {
  readonly schema?: Json;
}
export interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Json }>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

/** Refusals of every route. */
const GENERAL: readonly ProblemCode[] = [
  "malformed-request",
  "header-too-large",
  "request-timeout",
  "invalid-request",
  "not-acceptable",
  "cross-origin",
  "unknown-host",
  "internal",
  "database-unavailable",
  "storage-unavailable",
  "storage-full",
];
const OF_BODIES: readonly ProblemCode[] = ["too-large", "unsupported-media-type", "upload-stalled", "length-mismatch"];

/** Of every route that not everyone may call. */
const OF_LOGINS: readonly ProblemCode[] = [
  "login-required",
  "not-permitted",
  "login-unavailable",
  "busy",
  "too-many-requests",
  "quota-used-up",
];
/** Of routes that read files of strangers. */
const OF_READS: readonly ProblemCode[] = ["busy", "too-much-work", "worker-crashed"];

const BINARY = { type: "string", format: "binary" };

/** The document for `routes`. */
export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  const requests = new Set(routes.flatMap(({ body }) => bodySchemas(body)).map((schema) => refName(schema)));
  const [input, output] = [namedSchemas("input"), namedSchemas("output")];
  const schemas = Object.fromEntries(
    Object.keys(output).sort().map((
      name,
    ) => [name, requests.has(name) || isPartOf(name, requests, input) ? input[name] : output[name]]),
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "Sulcus",
      version: SULCUS_VERSION,
      description: "Segments and classifies brain MRI with ONNX networks and fine-tunes them. Errors are RFC 9457 " +
        "problems with a stable code. Not a medical device.",
    },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    tags: [...new Set(routes.map((r) => r.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API token, or an access token of the provider." },
        session: { type: "apiKey", in: "cookie", name: "sulcus-session", description: "Of the web page." },
      },
    },
  };
}

function bodySchemas(body: BodySpec | undefined): z.ZodType[] {
  return body?.kind === "json" ? [body.schema] : body?.kind === "form" ? [body.options] : [];
}

/** True where one of the schemas in `names` refers to the schema `name`. */
function isPartOf(name: string, names: ReadonlySet<string>, schemas: Record<string, Json>): boolean {
  return [...names].some((other) => JSON.stringify(schemas[other]).includes(`"#/components/schemas/${name}"`));
}

function refName(schema: z.ZodType): string {
  const name = nameOf(schema);
  if (name === undefined) throw new TypeError("Cannot document a body: expected a schema with a name, got one without");
  return name;
}

function ref(schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${refName(schema)}` };
}

function operationOf(route: Route): Operation {
  const { method, path, permits, tag, summary, description, replies, body } = route;
  const parameters = parametersOf(route);
  const responses: Record<string, ResponseObject> = {};
  for (const [status, reply] of Object.entries(replies)) responses[status] = responseOf(reply);
  for (const [status, problem] of problemsOf(route)) responses[status] ??= problem;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-zA-Z0-9]+(\w?)/g, (_, c) => c.toUpperCase())}`,
    tags: [tag],
    summary,
    ...(description && { description }),
    "x-permits": permits,
    security: permits === "everyone" ? [] : [{ bearer: [] }, { session: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: requestBodyOf(body) }),
    responses,
  };
}

function parametersOf({ params, query, headers = {} }: Route): Parameter[] {
  const of = (place: "path" | "query", shape: z.ZodObject["shape"]) =>
    Object.entries(shape).map(([name, schema]): Parameter => {
      const { description, ...rest } = parameterSchema(schema as z.ZodType);
      const isOptional = place === "query" && (schema as z.ZodType).safeParse(undefined).success;
      return {
        name,
        in: place,
        required: !isOptional,
        ...(typeof description === "string" && { description }),
        schema: rest,
      };
    });
  return [
    ...of("path", params.shape),
    ...of("query", query.shape),
    ...Object.entries(headers).map(([name, description]): Parameter => ({
      name,
      in: "header",
      required: false,
      description,
      schema: { type: "string" },
    })),
  ];
}

function requestBodyOf(body: BodySpec): NonNullable<Operation["requestBody"]> {
  switch (body.kind) {
    case "json":
      return { required: true, content: { "application/json": { schema: ref(body.schema) } } };
    case "file":
      return { required: true, content: { "application/octet-stream": { schema: BINARY } } };
    case "files": {
      const files = { type: "array", items: BINARY, description: body.description };
      const form = { schema: { type: "object", properties: { files }, required: ["files"] } };
      return {
        required: true,
        content: { "application/octet-stream": { schema: BINARY }, "multipart/form-data": form },
      };
    }
    case "form": {
      const images = Object.fromEntries(INPUTS.map((name) => [name, BINARY]));
      const label = body.takesLabel && { label: BINARY };
      const schema = { type: "object", properties: { ...images, ...label, options: ref(body.options) } };
      return { required: true, content: { "multipart/form-data": { schema } } };
    }
  }
}

function responseOf({ description, content, headers }: Reply): ResponseObject {
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: "string" } }]),
      ),
    }),
    ...(content && {
      content: Object.fromEntries(
        Object.entries(content).map(([type, schema]) => [
          type,
          { schema: typeof schema === "string" ? plainSchema(type, schema) : ref(schema) },
        ]),
      ),
    }),
  };
}

/** The schema of content other than JSON. */
function plainSchema(type: string, description: string): Json {
  return { ...(type.startsWith("text/") ? { type: "string" } : BINARY), description };
}

/** One reply per status, with its codes. */
function problemsOf({ refusals, reads, body, audit, permits }: Route): Map<number, ResponseObject> {
  const codes = [
    ...new Set([
      ...GENERAL,
      ...(permits === "everyone" ? [] : OF_LOGINS),
      ...(body ? OF_BODIES : []),
      ...(reads ? OF_READS : []),
      ...(body?.kind === "json" || body?.kind === "form" ? ["invalid-json" as const] : []),
      ...(audit ? ["database-unavailable" as const] : []),
      ...refusals,
    ]),
  ];
  const byStatus = Map.groupBy(codes, statusOf);
  return new Map(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, list]) => [status, {
      description: list.map((code) => `${code}: ${titleOf(code)}`).join("; "),
      content: { "application/problem+json": { schema: ref(problemSchema) } },
    }]),
  );
}
