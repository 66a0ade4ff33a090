import assert from "node:assert/strict";
import { checksEdition, editionOf } from "./edition.ts";

Deno.test("editionOf() changes with every file that checks and with the version, not with tests", async () => {
  const folder = await Deno.makeTempDir(), url = new URL(`file://${folder}/`);
  try {
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
    await write("checks.ts", "a < 1");
    const first = await editionOf([url], "1");
    await write("checks_test.ts", "a test");
    assert.equal(await editionOf([url], "1"), first);
    assert.notEqual(await editionOf([url], "2"), first);
    await write("checks.ts", "a < 2");
    const second = await editionOf([url], "1");
    await write("further.ts", "");
    assert.equal(new Set([first, second, await editionOf([url], "1")]).size, 3);
    assert.match(await checksEdition(), /^[0-9a-f]{64}$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
