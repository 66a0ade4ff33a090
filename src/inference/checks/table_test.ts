import assert from "node:assert/strict";
import { DATASET_WARNINGS, loudFirst, WARNINGS } from "./table.ts";

Deno.test("WARNINGS lists every code once, in kebab-case, with a sentence", () => {
  for (const [code, { when, weight }] of Object.entries({ ...WARNINGS, ...DATASET_WARNINGS })) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.match(when, /^[A-Z].*\.$/);
    assert.ok(["refused", "loud", "noted"].includes(weight));
  }
});

Deno.test("loudFirst() puts loud warnings in front and keeps the order of the rest", () => {
  const warning = (code: string) => ({ code, detail: "" });
  const sorted = loudFirst(
    ["unknown", "non-finite", "heads-apart", "grids-differ", "unlike-training"].map(warning),
  );
  assert.deepEqual(sorted.map((w) => w.code), [
    "heads-apart",
    "unlike-training",
    "unknown",
    "non-finite",
    "grids-differ",
  ]);
});
