import assert from "node:assert/strict";
import { opsDoc } from "./ops_doc.ts";

Deno.test("opsDoc() lists gradients and rewritten operators", () => {
  const text = opsDoc();
  assert.match(text, /\| `Conv` \| yes \| yes \|/);
  assert.match(text, /\| `ArgMax` \| stops here .* \| yes \|/);
  assert.match(text, /\| `Mish` \| Mul, Softplus, Tanh \|/);
});
