import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { OPS_DOC, opsDoc } from "./ops_doc.ts";

Deno.test("OPS.md is what scripts/docs/ops_doc.ts writes", () => {
  const text = readFileSync(OPS_DOC, "utf8");
  assert.equal(text, opsDoc(), "run deno run -A scripts/docs/ops_doc.ts");
});

Deno.test("opsDoc() tells of gradients and of rewritten operators", () => {
  const text = opsDoc();
  assert.match(text, /\| `Conv` \| yes \| yes \|/);
  assert.match(text, /\| `ArgMax` \| stops here .* \| yes \|/);
  assert.match(text, /\| `Mish` \| Mul, Softplus, Tanh \|/);
});
