import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, texts } from "../files.ts";
import { rowsOf, untestedRows } from "./tested_rows.ts";

const TABLES: Readonly<Record<string, number>> = { "docs/inputs.md": 20, "docs/security.md": 9 };

for (const [path, least] of Object.entries(TABLES)) {
  Deno.test(`every row of ${path} names a test that is there`, () => {
    const tests = new Map(["src", "scripts", "tests"].flatMap((folder) => [...texts(folder, ["_test.ts"])]));
    const text = readFileSync(join(ROOT, path), "utf8");
    assert.ok(rowsOf(text).length > least, `found only ${rowsOf(text).length} rows`);
    assert.deepEqual(untestedRows(text, tests), []);
  });
}

Deno.test("untestedRows() reports rows without a test, and tests that are not there", () => {
  const files = new Map([["src/a_test.ts", 'Deno.test("does a", …'], ["src/b_test.ts", "name: `does b${WHY}`"]]);
  const table = (test: string) =>
    `| input | what happens | test |\n| --- | --- | --- |\n| x | y | ${test} |\n\n| other |\n| --- |\n| z |`;
  const cases: [string, string[]][] = [
    ["`src/a_test.ts`: “does a”", []],
    ["`a_test.ts`: “does a”; `b_test.ts`: “does b”", []],
    ["", ["x: names no test"]],
    ["`c_test.ts`: “does a”", ["x: no file c_test.ts"]],
    ["`a_test.ts`: “does a”; `b_test.ts`: “does a”", ["x: no test “does a” in b_test.ts"]],
  ];
  for (const [test, expected] of cases) assert.deepEqual(untestedRows(table(test), files), expected);
});
