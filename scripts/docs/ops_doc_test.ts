import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { opsDoc } from "./ops_doc.ts";

Deno.test("docs/operators.md is what opsDoc() writes", () => {
  const text = readFileSync(join(import.meta.dirname!, "../../docs/operators.md"), "utf8");
  assert.equal(text, opsDoc(), "run deno task docs");
});

Deno.test("opsDoc() lists gradients and rewritten operators", () => {
  const text = opsDoc();
  assert.match(text, /\| `Conv` \| yes \| yes \|/);
  assert.match(text, /\| `ArgMax` \| stops here .* \| yes \|/);
  assert.match(text, /\| `Mish` \| Mul, Softplus, Tanh \|/);
});
