/** The audit trail of a running service, for whoever audits it. */
import { route } from "../http/route.ts";
import { auditQuery } from "../schemas/requests.ts";

const LINES = "application/x-ndjson";

export const AUDIT_ROUTES = [
  route({
    method: "GET",
    path: "/v1/audit",
    permits: "admin",
    audit: { action: "audit.read", object: "audit" },
    tag: "Audit",
    summary: "The audit trail",
    description:
      "A line per entry, oldest first: `record` is the event as JSON text; `hash` is the sha256 of `previous` and " +
      "`record`. `sulcus audit verify --file` checks the lines.",
    query: auditQuery,
    replies: { 200: { description: "Entries", content: { [LINES]: "JSON lines with record, previous and hash" } } },
    refusals: [],
    async handle({ query, services }) {
      const { after, since, until } = query;
      const entries = services.audit.entries({ after, since: dateOf(since), until: dateOf(until) });
      // the first one is read before the reply begins, so that a database that is away is said
      const first = await entries.next();
      const lines = ReadableStream.from(linesOf(first, entries)).pipeThrough(new TextEncoderStream());
      return new Response(lines, { headers: { "content-type": LINES } });
    },
  }),
];

type Entry = { readonly record: string; readonly previous: string; readonly hash: string };

async function* linesOf(first: IteratorResult<Entry>, others: AsyncIterable<Entry>): AsyncGenerator<string> {
  if (first.done) return;
  yield lineOf(first.value);
  for await (const entry of others) yield lineOf(entry);
}

const lineOf = ({ record, previous, hash }: Entry) => JSON.stringify({ record, previous, hash }) + "\n";

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
