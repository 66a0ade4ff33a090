import assert from "node:assert/strict";
import { scoredNotes } from "./schedule.ts";

Deno.test("scoredNotes() says how many training cases were scored where these are not all", () => {
  assert.deepEqual(scoredNotes(8, 8), []);
  assert.match(scoredNotes(30, 150)[0], /^Figures of training cases are of 30 of 150, spread evenly/);
});
