import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./files.ts";
import { finetuningTable, presetsTable, pretrainingTable } from "./recipe_tables.ts";
import { WRITTEN } from "./written.ts";

for (const path of ["README.md", "docs/method/README.md"]) {
  Deno.test(`${path} has the tables of recipes that the schemas and presets give`, () => {
    const current = readFileSync(join(ROOT, path), "utf8");
    const { text } = WRITTEN.find((written) => written.path === path)!;
    assert.equal(current, text(current), "run deno task docs");
  });
}

Deno.test("the tables of recipes name presets, settings and values", () => {
  assert.match(presetsTable(), /^\| `edge` \(default\) \| two CPU cores, minutes \|/m);
  assert.match(
    finetuningTable(),
    /^\| `batchSize` \| Crops an update\. \| 1; classification 8 \| 3; classification 64 \|/m,
  );
  assert.match(pretrainingTable(), /^\| `schedulerStep` \|.*\| optimizer \| same \| micro \| optimizer \|$/m);
});
