/**
 * A route is one record: schemas, replies, refusals and handler. Requests are checked and the OpenAPI document is
 * written from it, so there is no route without a schema or without documentation.
 */
import { z } from "zod";
import type { AuditAction, ObjectKind as AuditedKind } from "../../audit/mod.ts";
import type { Identity, ObjectKind, ObjectName, Role } from "../../identity/mod.ts";
import type { Witness } from "../../storage/mod.ts";
import type { FileKind } from "./body.ts";
import type { ProblemCode } from "./problems.ts";
import type { Services } from "./services.ts";
import type { Limits } from "../settings.ts";

/** The least role that may call a route; "everyone": also who has not logged in. */
export type Permits = "everyone" | Role;

/** What a route writes into the trail. */
export interface RouteAudit {
  readonly action: AuditAction;
  /** The kind of object that the action is done to; its id is in the address, or in the reply's Location. */
  readonly object: AuditedKind;
}

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** The body that a route takes. */
export type BodySpec =
  | { readonly kind: "json"; readonly schema: z.ZodType }
  | { readonly kind: "file"; readonly file: FileKind; readonly limit: keyof Limits }
  /** One file, or a form of several, with `receiveFiles()`: read by the handler. */
  | { readonly kind: "files"; readonly limit: keyof Limits; readonly description: string }
  /** Read by the handler; `options` is the schema of its JSON part. */
  | { readonly kind: "form"; readonly options: z.ZodType; readonly takesLabel?: true };

/** The most bytes that a route's body may have. */
export function maxBytesOf(body: BodySpec, limits: Limits): number {
  switch (body.kind) {
    case "json":
      return limits.jsonBytes;
    case "file":
    case "files":
      return limits[body.limit];
    case "form":
      return limits.formBytes;
  }
}

type BodyOf<B> = B extends { readonly kind: "json"; readonly schema: z.ZodType<infer T> } ? T
  : B extends { readonly kind: "file" } ? ReadableStream<Uint8Array<ArrayBuffer>>
  : undefined;

/** A reply: media type → the schema of its JSON, or a description. The first media type is the default. */
export interface Reply {
  readonly description: string;
  readonly content?: Readonly<Record<string, z.ZodType | string>>;
  /** Headers that the document lists: name → meaning. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The checked values of a request. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly request: Request;
  readonly services: Services;
  /** Who calls. */
  readonly identity: Identity;
  /** Address of the client. */
  readonly address: string;
  /** Stores the route's event in the transaction of what the handler changes. */
  readonly witness: Witness;
  /** Counts bytes of the body as they come. @throws when the caller may send no more */
  readonly received: (bytes: number) => void;
  /** The media type to reply with: one of the route's replies. */
  readonly mediaType: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** A route without the types of its parts. */
export interface Route {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  readonly path: string;
  readonly permits: Permits;
  /** The event that a call leaves in the audit trail; absent: it touches no patient's data and decides nothing. */
  readonly audit?: RouteAudit;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body?: BodySpec;
  /** Request headers that the route reads: name → meaning. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly replies: Readonly<Record<number, Reply>>;
  readonly refusals: readonly ProblemCode[];
  /** It reads files of strangers: a bounded number of such requests is under way, see `Admission`. */
  readonly reads?: true;
  /** Its arguments have the types of the schemas. */
  readonly handle: (call: Call<unknown, unknown, unknown>) => Response | Promise<Response>;
}

const NOTHING = z.strictObject({});
type Nothing = typeof NOTHING;

type TypedRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends BodySpec | undefined> =
  & Omit<Route, "params" | "query" | "body" | "handle">
  & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (call: Call<z.output<P>, z.output<Q>, BodyOf<B>>) => Response | Promise<Response>;
  };

/** Makes a route; the handler's types follow from the schemas. */
export function route<
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  const B extends BodySpec | undefined = undefined,
>({ params, query, body, handle, ...rest }: TypedRoute<P, Q, B>): Route {
  return {
    ...rest,
    params: params ?? NOTHING,
    query: query ?? NOTHING,
    body,
    handle: handle as Route["handle"],
  };
}

/** The paths of requests that a route takes. */
export function pathPattern({ path }: Pick<Route, "path">): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}

const OBJECTS: readonly (readonly [kind: ObjectKind, pattern: RegExp, param: string])[] = [
  ["model", /^\/v1\/models\/\{name\}/, "name"],
  ["dataset", /^\/v1\/datasets\/\{id\}/, "id"],
  ["job", /^\/v1\/jobs\/\{id\}/, "id"],
];

/** The object that the address of a request names. */
export function objectOf({ path }: Pick<Route, "path">, params: Readonly<Record<string, string>>): ObjectName | null {
  const found = OBJECTS.find(([, pattern]) => pattern.test(path));
  return found ? { kind: found[0], id: params[found[2]] } : null;
}

/** Media types of the successful replies, the default first. */
export function mediaTypesOf({ replies }: Pick<Route, "replies">): string[] {
  return Object.entries(replies).filter(([status]) => Number(status) < 400)
    .flatMap(([, { content = {} }]) => Object.keys(content));
}
