/** Runs database tests on PGlite always and on PostgreSQL where `DATABASE_URL_TEST` names a server. */
import type { Database } from "../database/database.ts";
import { migrate } from "../database/migrations.ts";
import { openPglite } from "../database/pglite.ts";
import { openPostgres } from "../database/postgres.ts";

/** A server on which tests may create and drop databases. */
export const TEST_URL = Deno.env.get("DATABASE_URL_TEST");

/**
 * Registers each test on every database present; a file shares one migrated database of each kind.
 * @returns `test(name, fn)`
 */
export function databaseTests(): (name: string, fn: (database: Database) => Promise<void>) => void {
  const kinds = {
    PGlite: { ignore: false, open: () => openPglite() },
    PostgreSQL: { ignore: !TEST_URL, open: () => createTestDatabase(TEST_URL!) },
  };
  const databases = new Map<string, Promise<Database>>();
  Deno.test.afterAll(async () => {
    for (const database of databases.values()) await (await database).close();
  });
  const open = async (kind: keyof typeof kinds) => {
    const database = await kinds[kind].open();
    await migrate(database);
    return database;
  };
  return (name, fn) => {
    for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
      const why = kinds[kind].ignore ? ", skipped: DATABASE_URL_TEST is not set" : "";
      Deno.test({
        name: `${name} (${kind}${why})`,
        ignore: kinds[kind].ignore,
        sanitizeResources: false, // the database outlives the test
        sanitizeOps: false,
        async fn() {
          if (!databases.has(kind)) databases.set(kind, open(kind));
          await fn(await databases.get(kind)!);
        },
      });
    }
  };
}

/** A database of its own on the server, dropped when it is closed. */
export async function createTestDatabase(serverUrl: string): Promise<Database & { readonly url: string }> {
  const name = `sulcus_test_${crypto.randomUUID().replaceAll("-", "")}`;
  const server = await openPostgres(serverUrl, { connections: 1 });
  await server.script(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = await openPostgres(url.href);
  return {
    ...database,
    url: url.href,
    async close() {
      await database.close();
      await server.script(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.close();
    },
  };
}
