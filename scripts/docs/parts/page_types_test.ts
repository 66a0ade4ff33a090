import assert from "node:assert/strict";
import { pageTypes } from "./page_types.ts";

Deno.test("pageTypes() has a type for every schema and operation, with optional fields", () => {
  const text = pageTypes();
  assert.match(text, /^export type JobList = \{\n {2}jobs: Job\[\]\n\};$/m);
  assert.match(text, /^ {2}createdAt: string\n {2}startedAt\?: string$/m);
  assert.match(text, /"GET \/v1\/jobs\/\{id\}": \{\n {4}params: \{ id: string \};\n {4}query: Record<string, never>;/);
  assert.match(
    text,
    /^ {2}versions: \{\n {4}version: number\n {4}state: "candidate" \| "served" \| "retired"\n {2}\}\[\]$/m,
  );
});
