/**
 * Makes rows and package folders agree when a process starts. A crash leaves at most a complete package without its row,
 * because the rename comes first, or a staging folder; neither loses anything.
 */
import { appendEvents, SYSTEM } from "../audit/mod.ts";
import { type Database, exists, type Queryable } from "../storage/mod.ts";
import type { Manifest } from "./manifest.ts";
import { packageBytes, packageDirectory, readPackage } from "./package.ts";
import { withoutNamingReports } from "./reports.ts";

/** Staging folders younger than this may belong to another live process. */
const STAGING_AGE_MS = 24 * 3600 * 1000;

/** Any constant that no other lock of the database has. */
const ADVISORY_LOCK = 7_263_188;

/**
 * Adds missing rows, gives shipped models a served version, takes reports that name cases out of packages of earlier
 * versions, removes old staging folders.
 */
export async function repair(
  database: Database,
  roots: { own: string; shipped?: string },
  dataDirectory: string,
): Promise<void> {
  await removeStaging(roots.own);
  const own = await readRoot(roots.own), bytes = new Map<Manifest, number>();
  for (const manifest of own) {
    const directory = packageDirectory(roots.own, manifest.name, manifest.version);
    await withoutNamingReports(directory, manifest, { dataDirectory });
    bytes.set(manifest, await packageBytes(directory, await readPackage(directory))); // as it is without them
  }
  const shipped = roots.shipped ? await readRoot(roots.shipped) : [];
  await database.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]); // one process at a time
    for (const manifest of shipped) await insertMissing(tx, manifest, { shipped: true });
    const found: string[] = [];
    for (const manifest of own) {
      if (await insertMissing(tx, manifest, { shipped: false, bytes: bytes.get(manifest) })) {
        found.push(`${manifest.name}/${manifest.version}`);
      }
    }
    for (const name of new Set(shipped.map((m) => m.name))) {
      await serveShipped(tx, name, shipped.filter((m) => m.name === name).map((m) => m.version), roots.shipped!);
    }
    const event = { who: SYSTEM, action: "model.import", outcome: "success" } as const;
    if (found.length > 0) {
      await appendEvents(tx, found.map((id) => ({ ...event, object: { kind: "model", id } as const })));
    }
  });
}

/** The readable packages of a root. It skips other folders; a request for one of them is refused when it comes. */
async function readRoot(root: string): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const name of await listFolders(root)) {
    for (const version of await listFolders(`${root}/${name}`)) {
      const manifest = await readPackage(`${root}/${name}/${version}`).catch(() => null);
      if (manifest) found.push(manifest);
    }
  }
  return found;
}

async function listFolders(path: string): Promise<string[]> {
  if (!await exists(path)) return [];
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) {
    if (entry.isDirectory && !entry.name.startsWith(".")) names.push(entry.name);
  }
  return names.sort();
}

/** Returns whether the row was missing. */
async function insertMissing(
  tx: Queryable,
  { name, version, provenance }: Manifest,
  { shipped, bytes = null }: { readonly shipped: boolean; readonly bytes?: number | null | undefined },
): Promise<boolean> {
  const { affected } = await tx.query(
    `INSERT INTO sulcus.model_versions (name, version, state, shipped, bytes, job) VALUES ($1, $2, 'candidate', $3, $5,
       CASE WHEN EXISTS (SELECT 1 FROM sulcus.model_versions WHERE job = $4) THEN NULL ELSE $4 END)
     ON CONFLICT (name, version) DO NOTHING`,
    [name, version, shipped, shipped ? null : provenance.job ?? null, bytes],
  );
  if (affected === 0 && bytes !== null) { // rows of earlier versions do not say it
    await tx.query(
      "UPDATE sulcus.model_versions SET bytes = $3 WHERE name = $1 AND version = $2 AND bytes IS NULL",
      [name, version, bytes],
    );
  }
  return affected > 0;
}

/** Serves the newest shipped version of a model of which none is served, or whose served one the program ships no more. */
async function serveShipped(tx: Queryable, name: string, versions: number[], root: string): Promise<void> {
  const { rows } = await tx.query<{ version: number; shipped: boolean }>(
    "SELECT version, shipped FROM sulcus.model_versions WHERE name = $1 AND state = 'served' FOR UPDATE",
    [name],
  );
  const served = rows[0];
  if (served && !(served.shipped && !await exists(packageDirectory(root, name, served.version)))) return;
  const { rows: known } = await tx.query<{ version: number }>(
    "SELECT version FROM sulcus.model_versions WHERE name = $1 AND shipped ORDER BY version DESC",
    [name],
  );
  const newest = known.find((row) => versions.includes(row.version));
  if (!newest) return;
  await tx.query("UPDATE sulcus.model_versions SET state = 'retired' WHERE name = $1 AND state = 'served'", [name]);
  await tx.query(
    "UPDATE sulcus.model_versions SET state = 'served', approved_by = 'shipped', approved_at = now() WHERE name = $1 AND version = $2",
    [name, newest.version],
  );
}

async function removeStaging(root: string): Promise<void> {
  for await (const entry of Deno.readDir(root)) {
    const path = `${root}/${entry.name}`;
    if (!entry.isDirectory || !entry.name.startsWith(".tmp-")) continue;
    const { mtime } = await Deno.stat(path);
    if (Date.now() - (mtime?.getTime() ?? 0) > STAGING_AGE_MS) await Deno.remove(path, { recursive: true });
  }
}
