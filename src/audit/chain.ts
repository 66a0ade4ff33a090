/** The chain of hashes: each entry holds the hash of the one before, so that no entry can be changed, lost or added. */
import { createHash } from "node:crypto";
import { type AuditEntry, type AuditEvent, GENESIS } from "./types.ts";

/** An entry as it is stored and exported. */
export type StoredEntry = Pick<AuditEntry, "seq" | "at" | "record" | "previous" | "hash">;

/** The next entry after the one with the hash `previous`. */
export function link(
  event: AuditEvent,
  { seq, at, previous }: Pick<AuditEntry, "seq" | "at" | "previous">,
): AuditEntry {
  const record = JSON.stringify({ seq, at, ...event });
  return { seq, at, event, record, previous, hash: hashOf(previous, record) };
}

export function hashOf(previous: string, record: string): string {
  return createHash("sha256").update(previous).update(record).digest("hex");
}

/** The event of a stored record. */
export function eventOf(stored: StoredEntry): AuditEntry {
  const { seq: _seq, at: _at, ...event } = JSON.parse(stored.record);
  return { ...stored, event };
}

/** Entries of an exported trail, a JSON object with `record`, `previous` and `hash` a line. */
export async function* readEntries(lines: AsyncIterable<string>): AsyncGenerator<StoredEntry> {
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() === "") continue;
    yield readEntry(text) ??
      fail(`Cannot read line ${line} of the export: expected JSON with record, previous and hash`);
  }
}

function readEntry(text: string): StoredEntry | undefined {
  try {
    const { record, previous, hash } = JSON.parse(text);
    const { seq, at } = JSON.parse(record);
    const isEntry = [previous, hash, at].every((value) => typeof value === "string") && Number.isInteger(seq);
    return isEntry ? { seq, at, record, previous, hash } : undefined;
  } catch {
    return undefined;
  }
}

function fail(message: string): never {
  throw new SyntaxError(message);
}

/** What holds of a chain. */
export interface Verdict {
  /** Entries that were checked. */
  readonly entries: number;
  /** Number of the first one; above 1 where earlier ones were deleted in order. */
  readonly first: number;
  /** The last entry: note it, and a later check proves that nothing before it was changed or cut off. */
  readonly head: { readonly seq: number; readonly hash: string };
  /** What is wrong, in words; empty: the chain is whole. */
  readonly problems: readonly string[];
}

/** Problems that are listed; one break would otherwise be reported with every entry after it. */
const MOST_PROBLEMS = 20;

/**
 * Checks entries in order. `expect` is an entry noted earlier, which must be in the chain: without it nobody can prove
 * that the newest entries were not cut off.
 */
export async function verifyChain(
  entries: AsyncIterable<StoredEntry>,
  expect?: { readonly seq: number; readonly hash: string },
): Promise<Verdict> {
  const problems: string[] = [];
  const report = (text: string) => void (problems.length < MOST_PROBLEMS && problems.push(text));
  let count = 0, first: StoredEntry | undefined, last: StoredEntry | undefined;
  let foundExpected = expect === undefined || (expect.seq === 0 && expect.hash === GENESIS);
  const pruned = new Set<string>();
  for await (const entry of entries) {
    count++;
    first ??= entry;
    if (last !== undefined && entry.seq !== last.seq + 1) report(`Entry ${last.seq + 1} is missing`);
    else if (last !== undefined && entry.previous !== last.hash) {
      report(`Entry ${entry.seq} does not follow the one before`);
    }
    if (hashOf(entry.previous, entry.record) !== entry.hash) report(`Entry ${entry.seq} was changed`);
    const said = readRecord(entry.record);
    if (said?.seq !== entry.seq || said.at !== entry.at) report(`Entry ${entry.seq} says another number or time`);
    if (said?.action === "audit.prune" && said.id !== undefined) pruned.add(said.id);
    if (expect?.seq === entry.seq && expect.hash === entry.hash) foundExpected = true;
    last = entry;
  }
  if (first !== undefined && !beginsInOrder(first, pruned)) {
    report(`Entries before ${first.seq} are missing, and no entry says that they were deleted in order`);
  }
  if (!foundExpected) report(`Entry ${expect!.seq} with the hash that was noted is not there`);
  const head = { seq: last?.seq ?? 0, hash: last?.hash ?? GENESIS };
  return { entries: count, first: first?.seq ?? 1, head, problems };
}

/** The name of the newest deleted entry, as the entry about the deletion gives it. */
export function pruneId({ seq, hash }: Pick<StoredEntry, "seq" | "hash">): string {
  return `${seq}:${hash}`;
}

function beginsInOrder({ seq, previous }: StoredEntry, pruned: ReadonlySet<string>): boolean {
  return seq === 1 ? previous === GENESIS : pruned.has(pruneId({ seq: seq - 1, hash: previous }));
}

function readRecord(record: string): { seq?: unknown; at?: unknown; action?: unknown; id?: string } | undefined {
  try {
    const { seq, at, action, object } = JSON.parse(record);
    return { seq, at, action, id: typeof object?.id === "string" ? object.id : undefined };
  } catch {
    return undefined;
  }
}
