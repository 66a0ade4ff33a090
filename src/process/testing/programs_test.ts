import assert from "node:assert/strict";
import { runs } from "./programs.ts";

Deno.test("runs() is true of a program that ends well, and false of one that fails or is not there", async () => {
  assert.equal(await runs(Deno.execPath(), "--version"), true);
  assert.equal(await runs(Deno.execPath(), "--no-such-flag"), false);
  assert.equal(await runs("no-such-program-3f1c"), false);
});
