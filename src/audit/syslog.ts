/**
 * Sends the trail to a receiver over TLS. The trail itself is the queue: a row holds the number of the last entry that
 * was sent, so nothing is lost while the receiver, the network or this process is away. Syslog has no receipts: entries
 * of the last moments before a connection broke are sent twice, and their numbers show it.
 * Source: RFC 5424 (message), RFC 5425 (TLS, octet counting).
 */
import type { Database } from "../storage/mod.ts";
import { auditMessage } from "./atna.ts";
import type { AuditTrail } from "./trail.ts";
import type { AuditEntry } from "./types.ts";

export interface Receiver {
  readonly hostname: string;
  readonly port: number;
  /** Certificates of the authorities that the receiver's certificate may come from, PEM. Default: the system's. */
  readonly ca?: string;
  /** This installation's certificate and key, PEM, where the receiver asks for them. */
  readonly cert?: string;
  readonly key?: string;
}

export interface ForwarderOptions {
  readonly trail: AuditTrail;
  readonly database: Pick<Database, "query">;
  readonly receiver: Receiver;
  /** Names this installation in messages. */
  readonly source: string;
  /** Called when the receiver cannot be reached or hangs up; sending continues by itself. */
  readonly onAway?: (error: unknown) => void;
  /** Pause before the next try to connect, ms. Default 5000. */
  readonly againMs?: number;
  /** An entry counts as sent when the connection lived this long after it, ms. Default 1000. */
  readonly settleMs?: number;
}

/** Facility 10 (security), severity 5 (notice). */
const PRIORITY = 10 * 8 + 5;
const BATCH = 200;
/** Entries may come from other processes too, or between a look and the wait. */
const POLL_MS = 2000;

/** One entry as the octets that go over the wire. */
export function syslogFrame(entry: AuditEntry, source: string): Uint8Array<ArrayBuffer> {
  const header = `<${PRIORITY}>1 ${entry.at} ${source} sulcus ${Deno.pid} DICOM+RFC3881 - `;
  const message = new TextEncoder().encode(`${header}\ufeff${auditMessage(entry, source)}`);
  const length = new TextEncoder().encode(`${message.length} `);
  const frame = new Uint8Array(length.length + message.length);
  frame.set(length);
  frame.set(message, length.length);
  return frame;
}

export class AuditForwarder {
  readonly #options: Required<ForwarderOptions>;
  readonly #name: string;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #connected = false;

  /** Starts to send at once. */
  constructor(options: ForwarderOptions) {
    this.#options = { onAway: () => {}, againMs: 5000, settleMs: 1000, ...options };
    const { hostname, port } = options.receiver;
    this.#name = `${hostname}:${port}`;
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** How many entries the receiver does not have yet. */
  async behind(): Promise<number> {
    const { seq } = await this.#options.trail.head();
    return Math.max(0, seq - await this.#sent());
  }

  /** Ends the connection; what was not sent is sent after the next start. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { onAway, againMs } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#session();
      } catch (error) {
        if (!signal.aborted) onAway(error);
      }
      this.#connected = false;
      await pause(againMs, signal);
    }
  }

  /** Sends over one connection until it or this forwarder ends. @throws what the connection throws */
  async #session(): Promise<void> {
    const { hostname, port, ca, cert, key } = this.#options.receiver;
    const proof = cert !== undefined && key !== undefined ? { cert, key } : {};
    const connection = await Deno.connectTls({ hostname, port, ...(ca && { caCerts: [ca] }), ...proof });
    const hangUp = () => closeQuietly(connection); // also ends a write that the receiver does not take
    this.#stopping.signal.addEventListener("abort", hangUp, { once: true });
    try {
      await connection.handshake();
      await this.#sendOver(connection);
    } finally {
      this.#stopping.signal.removeEventListener("abort", hangUp);
      hangUp();
    }
  }

  async #sendOver(connection: Deno.TlsConn): Promise<void> {
    const { trail, source, settleMs } = this.#options;
    const ended = new AbortController();
    const over = AbortSignal.any([ended.signal, this.#stopping.signal]);
    this.#connected = true;
    const watching = untilHangUp(connection).finally(() => ended.abort());
    let last = await this.#sent();
    /** The newest entry of each batch, with the time when it counts as sent. */
    const settling: { readonly seq: number; readonly at: number }[] = [];
    while (!over.aborted) {
      const from = last;
      for await (const entry of trail.entries({ after: last })) {
        await writeAll(connection, syslogFrame(entry, source));
        last = entry.seq;
        if (last - from >= BATCH || over.aborted) break;
      }
      if (last > from) settling.push({ seq: last, at: performance.now() + settleMs });
      const due = settling.findLastIndex(({ at }) => at <= performance.now());
      if (due >= 0 && !ended.signal.aborted) {
        await this.#keep(settling[due].seq);
        settling.splice(0, due + 1);
      }
      if (last - from < BATCH) await added(trail, { ms: settling.length > 0 ? settleMs / 2 : POLL_MS, signal: over });
    }
    if (!this.#stopping.signal.aborted) {
      await watching;
      throw new Error("The receiver ended the connection");
    }
  }

  async #sent(): Promise<number> {
    const { rows } = await this.#options.database.query<{ sent: string }>(
      "SELECT sent::text AS sent FROM sulcus.audit_receivers WHERE name = $1",
      [this.#name],
    );
    return rows.length === 0 ? 0 : Number(rows[0].sent);
  }

  async #keep(sent: number): Promise<void> {
    await this.#options.database.query(
      `INSERT INTO sulcus.audit_receivers (name, sent) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET sent = GREATEST(audit_receivers.sent, EXCLUDED.sent)`,
      [this.#name, sent],
    );
  }
}

/** Receivers send nothing, so a read ends when they hang up. */
async function untilHangUp(connection: Deno.TlsConn): Promise<void> {
  const buffer = new Uint8Array(256);
  try {
    while (await connection.read(buffer) !== null);
  } catch { /* a broken connection is over too */ }
}

async function writeAll(connection: Deno.TlsConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

function closeQuietly(connection: Deno.TlsConn): void {
  try {
    connection.close();
  } catch { /* it is closed already */ }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await added({ onAdded: () => () => {} }, { ms, signal });
}

/** Waits until an entry is added, the time is over, or `signal` aborts. */
async function added(
  trail: Pick<AuditTrail, "onAdded">,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = trail.onAdded(resolve);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  stop();
  clearTimeout(timer);
}
