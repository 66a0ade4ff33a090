/**
 * Dumps that another process asks for. Only the service can read its embedded database, so `sulcus backup` leaves a request
 * in the data directory, which nobody else may enter, and the service writes the dump beside it.
 */
import type { Database, Witness } from "../database/database.ts";
import { DomainError } from "../errors.ts";
import { exists, removeIfPresent, writeWhole } from "../files/files.ts";
import { type Dump, dumpTo } from "./dump.ts";

const POLL_MS = 1000;
const REQUEST = /^request-([0-9a-f-]{36})$/;

const placeOf = (dataDirectory: string) => `${dataDirectory}/backup`;

/** Answers requests for dumps until it is disposed of; `onFailed` hears of dumps that fail, `witness` writes that they are made. */
export function answerDumps(
  database: Database,
  dataDirectory: string,
  { onFailed, witness }: { readonly onFailed: (error: unknown) => void; readonly witness?: Witness },
): AsyncDisposable {
  const place = placeOf(dataDirectory);
  let running: Promise<void> = Promise.resolve(), isBusy = false;
  const look = async () => {
    if (!await exists(place)) return;
    for await (const { name } of Deno.readDir(place)) {
      const [, id] = REQUEST.exec(name) ?? [];
      if (id === undefined) continue;
      await removeIfPresent(`${place}/${name}`);
      try {
        const dump = await dumpTo(database, `${place}/${id}`, witness);
        await writeWhole(`${place}/${id}/done.json`, JSON.stringify({ dump }));
      } catch (error) {
        onFailed(error);
        await writeWhole(`${place}/${id}/done.json`, JSON.stringify({ failed: true }));
      }
    }
  };
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    running = look().catch(onFailed).finally(() => isBusy = false);
  }, POLL_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

/**
 * Asks the service that holds a data directory for a dump, into `folder`.
 * @throws {DomainError} `timeout`-like `locked`: no service answers; `database-unavailable`: its database failed
 */
export async function askForDump(
  dataDirectory: string,
  folder: string,
  { waitMs = 600_000 }: { waitMs?: number } = {},
): Promise<Dump> {
  const place = placeOf(dataDirectory), id = crypto.randomUUID();
  await writeWhole(`${place}/request-${id}`, "");
  try {
    for (const until = Date.now() + waitMs; !await exists(`${place}/${id}/done.json`);) {
      if (Date.now() > until) {
        throw new DomainError(
          "locked",
          `Cannot back up: the process that has the data directory did not answer within ${waitMs / 1000} s`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS / 4));
    }
    const { dump }: { dump?: Dump } = JSON.parse(await Deno.readTextFile(`${place}/${id}/done.json`));
    if (dump === undefined) {
      throw new DomainError("database-unavailable", "Cannot back up: the service's database failed");
    }
    for (const { name } of dump.tables) {
      await writeWhole(`${folder}/${name}.jsonl`, (await Deno.open(`${place}/${id}/${name}.jsonl`)).readable);
    }
    return dump;
  } finally {
    await removeIfPresent(`${place}/request-${id}`);
    await removeIfPresent(`${place}/${id}`);
  }
}
