import assert from "node:assert/strict";
import { finetuningTable, presetsTable, pretrainingTable } from "./recipe_tables.ts";

Deno.test("the tables of recipes name presets, settings and values", () => {
  assert.match(presetsTable(), /^\| `auto` \(default\) \| any device, a given time \|/m);
  assert.match(presetsTable(), /^\| `edge` \| two CPU cores, minutes \|/m);
  assert.match(
    finetuningTable(),
    /^\| `batchSize` \| Crops an update\. \| 1; classification 8 \| same \| 3; classification 64 \|/m,
  );
  assert.match(pretrainingTable(), /^\| `schedulerStep` \|.*\| optimizer \| same \| micro \| optimizer \|$/m);
});
