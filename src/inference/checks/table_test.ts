import assert from "node:assert/strict";
import { CASE_CHECKS } from "./case_checks.ts";
import { RESULT_CHECKS } from "./result_checks.ts";
import { TRAINING_CHECKS } from "./training_checks.ts";
import { VOLUME_CHECKS } from "./volume_checks.ts";
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

/** The codes that a folder's sources give warnings, in `code: "…"` or `code = "…"`. */
async function codesIn(folder: string): Promise<Set<string>> {
  const codes = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) { for (const code of await codesIn(`${folder}/${name}`)) codes.add(code); }
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) {
      const text = await Deno.readTextFile(`${folder}/${name}`);
      for (const [, code] of text.matchAll(/\bcode(?::| =) "([a-z-]+)"/g)) codes.add(code);
    }
  }
  return codes;
}

Deno.test("WARNINGS lists the warnings that readers of files, the steps and devices give, and no others", async () => {
  const here = `${import.meta.dirname}/../..`;
  const given = new Set([
    ...await codesIn(`${here}/volume`),
    ...await codesIn(`${here}/inference`),
    ...await codesIn(`${here}/train/report/findings`),
    ...await codesIn(`${here}/train/recipe`),
    "fell-back", // of engine/choice/fallback.ts
  ]);
  assert.deepEqual([...given].filter((code) => !(code in WARNINGS)), []);
  const checks = { ...VOLUME_CHECKS, ...CASE_CHECKS, ...RESULT_CHECKS, ...TRAINING_CHECKS };
  assert.deepEqual(Object.keys(WARNINGS).filter((code) => !(code in checks) && !given.has(code)), []);
});
