/** `sulcus audit`: checks the audit trail, and writes it for other programs. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { auditMessage, AuditTrail, readEntries, type Verdict, verifyChain } from "../../audit/mod.ts";
import { exists, keepPrivate, openDatabase, writeWhole } from "../../storage/mod.ts";
import { type Args, type Command, refuse, wrong } from "../terminal/args.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { OPERATOR } from "../options/operator.ts";
import { checkDataDirectory, DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";

const FORMATS = ["jsonl", "atna"] as const;

export const auditCommand: Command = {
  name: "audit",
  summary: "checks the audit trail, and exports it",
  usage: [
    "audit verify [--expect SEQ:HASH] [--file FILE.jsonl]",
    "audit export --out FILE [--format jsonl|atna] [--since DATE] [--until DATE]",
  ],
  flags: {
    expect: { value: "SEQ:HASH", help: "An entry noted earlier, which must be there: shows what was cut off" },
    file: { value: "FILE", help: "Check an exported file instead of the database" },
    format: {
      value: "NAME",
      help: "jsonl: with the hashes, can be checked; atna: DICOM audit messages. Default jsonl",
    },
    since: { value: "DATE", help: "Only entries from this time on, such as 2026-11-30 or 2026-11-30T08:00:00Z" },
    until: { value: "DATE", help: "Only entries before this time" },
    out: { value: "FILE", help: "File to write" },
    data: DATA_FLAGS.data,
    ...JSON_FLAG,
  },
  words: 1,
  notes: `
Every access to patients' data and every decision is an entry; each entry holds the hash of the one before. verify
reports changed, missing and added entries, and prints the newest as SEQ:HASH: note it outside this machine, and a later
verify --expect proves that nothing before it was cut off. Exit code 1 where something is wrong.
While a server has the data directory, take the trail from GET /v1/audit and check it with --file.`,
  run: runAudit,
};

async function runAudit(args: Args, io: Io): Promise<void> {
  const [action] = args.words;
  if (action === "verify") return await verify(args, io);
  if (action === "export") return await exportTrail(args, io);
  wrong(`Cannot run audit: expected verify or export, got "${action ?? ""}"`);
}

async function verify(args: Args, io: Io): Promise<void> {
  const expected = args.text("expect");
  const expect = expected === undefined ? undefined : headIn(expected);
  const file = args.text("file");
  const verdict = file === undefined
    ? await withTrail(args, io, (trail) => trail.verify(expect))
    : await verifyChain(readEntries(await linesOf(file)), expect);
  print(verdict, args, io);
  if (verdict.problems.length > 0) {
    throw new CommandError("failed", `Cannot trust the audit trail: ${verdict.problems.join("; ")}`);
  }
}

function print({ entries, first, head, problems }: Verdict, args: Args, io: Io): void {
  if (args.is("json")) io.out(JSON.stringify({ type: "result", entries, first, head, problems }));
  else if (problems.length === 0) {
    io.out(`The audit trail is whole: ${entries} entries from ${first}, newest ${head.seq}:${head.hash}`);
  }
}

async function exportTrail(args: Args, io: Io): Promise<void> {
  const out = args.required("out");
  if (await exists(out)) throw new CommandError("failed", "Cannot write the export: there is such a file already");
  const format = args.oneOf("format", FORMATS) ?? "jsonl";
  const filter = { since: dateIn(args, "since"), until: dateIn(args, "until") };
  let entries = 0;
  await withTrail(args, io, async (trail) => {
    const object = { kind: "audit", id: "all" } as const;
    await trail.record({ who: OPERATOR, action: "audit.read", object, outcome: "success" });
    const source = hostname();
    async function* lines(): AsyncGenerator<string> {
      for await (const entry of trail.entries(filter)) {
        entries++;
        const { record, previous, hash } = entry;
        yield (format === "atna" ? auditMessage(entry, source) : JSON.stringify({ record, previous, hash })) + "\n";
      }
    }
    await writeWhole(out, ReadableStream.from(lines()).pipeThrough(new TextEncoderStream()));
  });
  if (args.is("json")) io.out(JSON.stringify({ type: "result", entries, format }));
  else io.out(`Wrote ${entries} entries as ${format}`);
}

async function withTrail<T>(args: Args, io: Io, work: (trail: AuditTrail) => Promise<T>): Promise<T> {
  const { data, databaseUrl } = settingsOf(args, io.env);
  using _private = keepPrivate();
  await checkDataDirectory(data);
  const database = await openDatabase({ dataDirectory: resolve(data), url: databaseUrl });
  try {
    return await work(new AuditTrail(database));
  } finally {
    await database.close();
  }
}

async function linesOf(file: string): Promise<AsyncIterable<string>> {
  if (!await exists(file)) throw new CommandError("not-found", "Cannot read the file: there is no such file");
  return createInterface({ input: createReadStream(file), crlfDelay: Infinity });
}

function headIn(text: string): Verdict["head"] {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ??
    refuse("expect", "SEQ:HASH as verify prints it", text);
  return { seq: Number(seq), hash };
}

function dateIn(args: Args, flag: "since" | "until"): Date | undefined {
  const text = args.text(flag);
  if (text === undefined) return undefined;
  const date = new Date(text);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) && !isNaN(date.getTime());
  return isDate ? date : refuse(flag, "a date such as 2026-11-30 or 2026-11-30T08:00:00Z", text);
}
