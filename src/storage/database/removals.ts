/**
 * Files and folders that go with rows. They are noted in the transaction that deletes the rows and removed after it: a
 * crash in between leaves the note, and the next start or sweep removes them.
 */
import type { Queryable } from "./database.ts";
import { removeIfPresent } from "../files/files.ts";

/** Notes paths below the data directory. */
export async function noteRemovals(tx: Queryable, paths: readonly string[]): Promise<void> {
  await tx.query(
    "INSERT INTO sulcus.removals (path) SELECT jsonb_array_elements_text($1::jsonb) ON CONFLICT DO NOTHING",
    [JSON.stringify(paths)],
  );
}

/** Reports whether a path is noted: nothing new may take its place before it is gone. */
export async function isNoted(on: Pick<Queryable, "query">, path: string): Promise<boolean> {
  return (await on.query("SELECT 1 FROM sulcus.removals WHERE path = $1", [path])).rows.length > 0;
}

/** Removes whatever is noted. */
export async function removeNoted(on: Pick<Queryable, "query">, dataDirectory: string): Promise<void> {
  const { rows } = await on.query<{ path: string }>("SELECT path FROM sulcus.removals");
  for (const { path } of rows) {
    await removeIfPresent(`${dataDirectory}/${path}`);
    await on.query("DELETE FROM sulcus.removals WHERE path = $1", [path]);
  }
}
