import assert from "node:assert/strict";
import { openPglite } from "./pglite.ts";

/** Files below a folder that hold a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesWith(path, text));
    else if (new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

Deno.test("purge() leaves no byte of deleted rows in any file of the embedded database", async () => {
  const folder = await Deno.makeTempDir(), canary = "DOE^JANE";
  try {
    const database = await openPglite(`${folder}/pg`);
    await database.script("CREATE TABLE cases (id integer PRIMARY KEY, name text); CREATE INDEX ON cases (name)");
    for (let i = 0; i < 200; i++) {
      const name = `${canary} ${i} ${i % 50 === 0 ? "x".repeat(9000) : ""}`; // some are stored out of line
      await database.query("INSERT INTO cases VALUES ($1, $2)", [i, name]);
    }
    await database.script("INSERT INTO cases VALUES (1000, 'a case that stays')");
    await database.script("CHECKPOINT");
    await database.script("DELETE FROM cases WHERE id < 1000");
    assert.ok((await filesWith(folder, canary)).length >= 2, "deleted rows stay in the table and in the log");
    await database.purge(["cases"]);
    assert.deepEqual(await filesWith(folder, canary), []);
    await database.close();
    const again = await openPglite(`${folder}/pg`);
    assert.deepEqual((await again.query("SELECT id FROM cases")).rows, [{ id: 1000 }]);
    await again.close();
    assert.deepEqual(await filesWith(folder, canary), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
