/**
 * Listens for clients and bounds what one may hold: connections in total and by address, time for a header, and no
 * descriptor taken from the rest of the program. HTTP/1.1 and HTTP/2; which of them, the first bytes say.
 *
 * `Deno.serve` offers none of this: it ends the process when no descriptor is left, bounds neither header nor
 * connections, and does not notice that a client hangs up while its reply is made.
 */
import { createServer, type Server } from "node:http";
import type { BlockList } from "node:net";
import { createServer as createHttp2Server, type Http2Server, type Http2Session } from "node:http2";
import { Turns } from "../../../process/mod.ts";
import { type Logger, traceOf } from "../../observe/log.ts";
import type { Limits } from "../../settings.ts";
import { Problem, problemOf, problemResponse } from "../problems.ts";
import { noTunnels, refuse, refuseMalformed } from "./refuse.ts";
import { Connection } from "./connection.ts";
import { affordable, type ConnectionRefusal, mostFiles, OpenConnections } from "./open_connections.ts";
import { dropOwnSpan } from "./own_spans.ts";
import { type Outgoing, send } from "./reply.ts";
import { type Incoming, requestOf, type RequestOptions } from "./request.ts";

/** What a handler is told beside the request. */
export interface Client {
  readonly remoteAddr: Deno.NetAddr;
}

export interface ListenOptions extends Pick<RequestOptions, "methodsOf"> {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly limits: Pick<Limits, "headerMs" | "bodyMs" | "connections" | "connectionsPerAddress">;
  /** PEM; absent: without TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Proxies, which bring many clients: their connections count in total only. */
  readonly trustedProxies?: BlockList;
  readonly handler: (request: Request, client: Client) => Response | Promise<Response>;
  readonly log: Logger;
  /** Called for every connection that is refused. */
  readonly onRefused?: (why: ConnectionRefusal | "files") => void;
}

/** How long a connection may stay open between two requests. */
const KEEP_ALIVE_MS = 75_000;
/** How long the rest of a body is read after its request was answered, so that the client sees the reply. */
const LINGER_MS = 2000;
/** Pause after an accept that failed, mostly because no descriptor was left. */
const ACCEPT_AGAIN_MS = 100;
const MAX_HEADER_BYTES = 32 * 1024;
/**
 * Most bytes of HTTP/2 bodies that wait to be read: of one request, and of a connection. A client waits for an answer once
 * it has sent so many: on a busy machine 60 MB took 5.2 s with 1 and 2 MiB, and 2.2 s with these.
 */
const STREAM_WINDOW = 4 << 20;
const SESSION_WINDOW = 8 << 20;
const MAX_STREAMS = 32;
const HTTP2_PREFACE = "PRI * HTTP/2";

/** Listens until it is closed. */
export class Listener {
  readonly address: Deno.NetAddr;
  readonly #options: ListenOptions;
  readonly #socket: Deno.Listener<Deno.TcpConn | Deno.TlsConn, Deno.NetAddr>;
  readonly #http: Server;
  readonly #http2: Http2Server;
  readonly #open: OpenConnections;
  readonly #sessions = new Map<Http2Session, Connection>();
  /** Requests that are not answered yet, by connection. */
  readonly #active = new Map<Connection, number>();
  readonly #handled = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Of those who come at once. */
  readonly #turns = new Turns();
  #closing = false;

  /** Listens at once. @throws {Deno.errors.AddrInUse} */
  constructor(options: ListenOptions) {
    this.#options = options;
    this.#open = new OpenConnections({
      ...options.limits,
      isProxy: (address) => options.trustedProxies?.check(address, address.includes(":") ? "ipv6" : "ipv4") ?? false,
      connections: affordable(options.limits.connections, mostFiles()),
    });
    const { host: hostname, port, tls, limits } = options;
    this.#socket = tls === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, ...tls, alpnProtocols: ["h2", "http/1.1"] });
    this.address = this.#socket.addr;
    this.#http = createServer({
      headersTimeout: limits.headerMs,
      requestTimeout: limits.headerMs + limits.bodyMs,
      connectionsCheckingInterval: Math.min(1000, limits.headerMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false, // requestOf() refuses it in words
    });
    this.#http2 = createHttp2Server({
      settings: { initialWindowSize: STREAM_WINDOW, maxConcurrentStreams: MAX_STREAMS },
      maxHeaderListPairs: 128,
    });
    this.#prepare();
    this.#accepting = this.#accept();
  }

  #prepare(): void {
    const serve = (message: Incoming, reply: Outgoing) => this.#serve(message, reply);
    // It has no socket of its own: these two make it keep connections and watch the times of headers.
    Object.defineProperty(this.#http, "listening", { get: () => !this.#closing });
    this.#http.emit("listening");
    this.#http.on("request", serve).on("checkContinue", serve);
    this.#http.on("checkExpectation", (_, reply) => {
      dropOwnSpan(reply);
      reply.writeHead(417).end();
    });
    this.#http.on("clientError", (error: NodeJS.ErrnoException, connection) => refuseMalformed(error, connection));
    this.#http.on("connect", (_, connection) => refuse(connection, noTunnels()));
    this.#http2.on("stream", dropOwnSpan);
    this.#http2.on("request", serve);
    this.#http2.on("session", (session) => {
      session.setLocalWindowSize(SESSION_WINDOW);
      session.setTimeout(KEEP_ALIVE_MS, () => session.close());
      session.once("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy()); // the client broke the protocol
    });
    this.#http2.on("sessionError", () => {}); // its session was destroyed above
  }

  async #accept(): Promise<void> {
    while (!this.#closing) {
      try {
        this.#take(await this.#socket.accept());
      } catch (error) {
        if (this.#closing) return;
        this.#options.onRefused?.("files");
        this.#options.log({ level: "error", event: "accept-failed", ...traceOf(error) });
        this.#http.closeIdleConnections(); // their descriptors serve those who wait
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
      }
    }
  }

  #take(conn: Deno.TcpConn | Deno.TlsConn): void {
    const { remoteAddr } = conn;
    const { hostname: remoteAddress } = remoteAddr;
    if (this.#open.refusal(remoteAddress) === "total") this.#http.closeIdleConnections();
    const refusal = this.#open.refusal(remoteAddress);
    const connection = new Connection(conn, { remoteAddr, encrypted: "handshake" in conn });
    connection.on("error", () => {}); // it closes, which ends its requests
    if (refusal === undefined) {
      this.#open.add(connection);
      void this.#begin(conn, connection).catch(() => connection.destroy()); // the client closed it, or speaks no TLS
      return;
    }
    this.#options.onRefused?.(refusal);
    if ("handshake" in conn) connection.destroy();
    else refuse(connection, new Problem("busy", "Cannot take this connection: too many are open"));
  }

  /** Hands a connection over once its first bytes say the protocol. */
  async #begin(conn: Deno.TcpConn | Deno.TlsConn, connection: Connection): Promise<void> {
    const late = setTimeout(() => connection.destroy(), this.#options.limits.headerMs);
    try {
      if ("handshake" in conn) await conn.handshake();
      const first = await connection.firstBytes();
      const isHttp2 = new TextDecoder("latin1").decode(first.subarray(0, HTTP2_PREFACE.length)) === HTTP2_PREFACE;
      if (first.length === 0) connection.destroy();
      await this.#turns.take();
      if (connection.destroyed) return;
      // Emits "session" at once, which says whose connection it is.
      if (isHttp2) this.#http2.once("session", (session) => this.#sessions.set(session, connection));
      (isHttp2 ? this.#http2 : this.#http).emit("connection", connection);
    } finally {
      clearTimeout(late);
    }
  }

  #serve(message: Incoming, reply: Outgoing): void {
    if (message.httpVersionMajor === 1) dropOwnSpan(reply);
    const handled = this.#answer(message, reply).catch((error) => {
      this.#options.log({ level: "error", event: "reply-failed", ...traceOf(error) });
    }).finally(() => this.#handled.delete(handled));
    this.#handled.add(handled);
  }

  async #answer(message: Incoming, reply: Outgoing): Promise<void> {
    const connection = this.#connectionOf(message);
    if (connection === null) return;
    const gone = new AbortController();
    const hangUp = () => {
      if (!reply.writableFinished) gone.abort(new DOMException("The client hung up", "AbortError"));
    };
    message.on("aborted", hangUp);
    reply.on("close", hangUp).on("error", hangUp);
    this.#active.set(connection, (this.#active.get(connection) ?? 0) + 1);
    try {
      const response = await this.#responseTo(message, reply, { connection, signal: gone.signal });
      const isFirstVersion = message.httpVersionMajor === 1;
      if (isFirstVersion && (this.#closing || !message.complete)) reply.setHeader("connection", "close");
      await send(response, reply, gone.signal);
      if (!message.complete) drain(message, connection);
    } finally {
      const left = this.#active.get(connection)! - 1;
      if (left > 0) this.#active.set(connection, left);
      else this.#active.delete(connection);
      if (this.#closing && left === 0 && message.httpVersionMajor === 1) connection.destroySoon();
    }
  }

  async #responseTo(
    message: Incoming,
    reply: Outgoing,
    { connection: { remoteAddr, encrypted }, signal }: {
      readonly connection: Connection;
      readonly signal: AbortSignal;
    },
  ): Promise<Response> {
    const { handler } = this.#options;
    const { hostname, port } = this.address;
    const listening = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
    const onRead = () => {
      if (message.headers.expect !== undefined && !reply.headersSent) reply.writeContinue();
    };
    try {
      const scheme = encrypted ? "https" : "http";
      const request = requestOf(message, { signal, listening, scheme, onRead, methodsOf: this.#options.methodsOf });
      return await handler(request, { remoteAddr });
    } catch (error) {
      const problem = problemOf(error);
      const requestId = crypto.randomUUID();
      const failed = problem.status >= 500;
      this.#options.log({
        level: failed ? "error" : "info",
        event: failed ? "failure" : "refused",
        requestId,
        status: problem.status,
        ...traceOf(failed ? error : problem),
      });
      return problemResponse(problem, requestId);
    }
  }

  /** Null: a session of HTTP/2 that has ended, for instance because a later frame of the client was damaged. */
  #connectionOf(message: Incoming): Connection | null {
    if ("stream" in message) return (message.stream.session && this.#sessions.get(message.stream.session)) ?? null;
    if (message.socket instanceof Connection) return message.socket;
    throw new TypeError("Cannot find the connection of a request");
  }

  /**
   * Stops: takes no new connection, closes those that wait for a request, and lets the others finish theirs.
   * @returns once all are closed
   */
  async close(): Promise<void> {
    this.#stopAccepting();
    for (const connection of this.#open) if (!this.#active.has(connection)) connection.destroy();
    for (const session of this.#sessions.keys()) session.close();
    await this.#accepting;
    await this.#open.allClosed();
    await Promise.all(this.#handled);
  }

  /** Closes all connections at once; the signals of their requests abort. */
  abort(): void {
    this.#stopAccepting();
    for (const connection of this.#open) connection.destroy();
  }

  #stopAccepting(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.close();
    this.#http.emit("close"); // it stops watching times
  }
}

/** Reads the rest of a body that nobody wanted, for a while: whoever still sends would not read the reply. */
function drain(message: Incoming, connection: Connection): void {
  message.resume();
  const late = setTimeout(() => connection.destroy(), LINGER_MS);
  connection.once("close", () => clearTimeout(late));
  message.once("end", () => clearTimeout(late));
}
