import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./files.ts";
import { WRITTEN } from "./written.ts";

for (const { path, text } of WRITTEN) {
  Deno.test(`${path} is as deno task docs writes it`, () => {
    const current = readFileSync(join(ROOT, path), "utf8");
    assert.equal(current, text(current), "run deno task docs");
  });
}
