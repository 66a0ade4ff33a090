/**
 * The audit trail in the database: entries are added and read, never changed. Adds that arrive together share one
 * transaction, so a busy server waits for one write instead of many.
 */
import type { Database, Queryable, Witness } from "../storage/mod.ts";
import { eventOf, link, pruneId, type StoredEntry, type Verdict, verifyChain } from "./chain.ts";
import { type Actor, type AuditEntry, type AuditEvent, GENESIS } from "./types.ts";

/** Serialises writers of all processes; any constant that no other lock of the database has. */
const ADVISORY_LOCK = 7_263_186;
const PAGE = 1000;

interface Pending {
  readonly event: AuditEvent;
  readonly written: () => void;
  readonly failed: (error: unknown) => void;
}

export interface EntryFilter {
  /** Only entries with a higher number. */
  readonly after?: number;
  readonly since?: Date;
  readonly until?: Date;
}

export class AuditTrail {
  readonly #database: Database;
  readonly #listeners = new Set<() => void>();
  #pending: Pending[] = [];
  #writing: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Adds an event; resolves once it is stored.
   * @throws what the database throws: then the event is not in the trail, and the caller must not report success
   */
  record(event: AuditEvent): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.push({ event, written: resolve, failed: reject });
    this.#writing ??= this.#writeAll();
    return promise;
  }

  /** Calls `listener` after entries were added. @returns a function that ends that */
  onAdded(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for the adds under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#database.transaction((tx) => appendEvents(tx, batch.map(({ event }) => event)));
      } catch (error) {
        for (const { failed } of batch) failed(error);
        continue;
      }
      for (const { written } of batch) written();
      for (const listener of this.#listeners) listener();
    }
    this.#writing = undefined; // in the same turn as the last look at what is pending, so that no event is left there
  }

  /** Entries in order, read page by page. */
  async *entries(filter: EntryFilter = {}): AsyncGenerator<AuditEntry> {
    for await (const entry of this.#stored(filter)) yield eventOf(entry);
  }

  async *#stored({ after = 0, since, until }: EntryFilter): AsyncGenerator<StoredEntry> {
    for (let last = after;;) {
      const { rows } = await this.#database.query<Omit<StoredEntry, "at" | "seq"> & { seq: string; at: Date }>(
        `SELECT seq::text AS seq, at, record, previous, hash FROM sulcus.audit_events
         WHERE audit_events.seq > $1 AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
         ORDER BY audit_events.seq LIMIT ${PAGE}`,
        [last, since ?? null, until ?? null],
      );
      for (const { seq, at, ...row } of rows) yield { ...row, seq: Number(seq), at: at.toISOString() };
      if (rows.length < PAGE) return;
      last = Number(rows[rows.length - 1].seq);
    }
  }

  /** The newest entry's number and hash. */
  async head(): Promise<{ readonly seq: number; readonly hash: string }> {
    return await headOf(this.#database);
  }

  /** Checks the whole chain; `expect` is a head that was noted earlier. */
  async verify(expect?: Verdict["head"]): Promise<Verdict> {
    return await verifyChain(this.#stored({}), expect);
  }

  /**
   * Deletes the entries before a time, and adds one that says so with the hash of the newest deleted one, so that the
   * rest still verifies. Entries after number `upTo` stay. Returns how many were deleted.
   */
  async prune(before: Date, who: Actor, { upTo }: { readonly upTo?: number | undefined } = {}): Promise<number> {
    const deleted = await this.#database.transaction(async (tx) => {
      await lock(tx);
      const { rows } = await tx.query<{ seq: string; hash: string }>(
        "SELECT seq::text AS seq, hash FROM sulcus.audit_events WHERE at < $1 AND ($2::bigint IS NULL OR audit_events.seq <= $2) ORDER BY audit_events.seq DESC LIMIT 1",
        [before, upTo ?? null],
      );
      if (rows.length === 0) return 0;
      const newest = { seq: Number(rows[0].seq), hash: rows[0].hash };
      const object = { kind: "audit", id: pruneId(newest) } as const;
      await appendEvents(tx, [{ who, action: "audit.prune", object, outcome: "success" }]);
      await tx.query("SELECT set_config('sulcus.audit_prune', 'on', true)");
      const { affected } = await tx.query("DELETE FROM sulcus.audit_events WHERE seq <= $1", [newest.seq]);
      await tx.query("SELECT set_config('sulcus.audit_prune', 'off', true)");
      return affected;
    });
    if (deleted > 0) { for (const listener of this.#listeners) listener(); }
    return deleted;
  }
}

async function lock(tx: Queryable): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
}

async function headOf(on: Queryable): Promise<Verdict["head"]> {
  const { rows } = await on.query<{ seq: string; hash: string }>(
    "SELECT seq::text AS seq, hash FROM sulcus.audit_events ORDER BY audit_events.seq DESC LIMIT 1",
  );
  return rows.length === 0 ? { seq: 0, hash: GENESIS } : { seq: Number(rows[0].seq), hash: rows[0].hash };
}

/** The witness of a deed that succeeds. */
export function witnessOf(event: Omit<AuditEvent, "outcome">): Witness {
  const { object, ...rest } = event;
  return async (tx, made = object.id) =>
    await appendEvents(tx, [{ ...rest, object: { ...object, id: made }, outcome: "success" }]);
}

/** Adds events after the newest entry. Part of the caller's transaction: a decision and its entry are stored together. */
export async function appendEvents(tx: Queryable, events: readonly AuditEvent[]): Promise<void> {
  await lock(tx);
  let { seq, hash: previous } = await headOf(tx);
  for (const event of events) {
    const entry = link(event, { seq: ++seq, at: new Date().toISOString(), previous });
    await tx.query(
      "INSERT INTO sulcus.audit_events (seq, at, record, previous, hash) VALUES ($1, $2, $3, $4, $5)",
      [entry.seq, new Date(entry.at), entry.record, entry.previous, entry.hash],
    );
    previous = entry.hash;
  }
}
