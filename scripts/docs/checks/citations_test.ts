import assert from "node:assert/strict";
import { danglingCitations, sectionsOf } from "./citations.ts";
import { documents, texts } from "../files.ts";

const CODE = [".ts", ".js", ".py", ".sh", ".html", ".css"];
const code = () => new Map(["src", "scripts", "tests"].flatMap((folder) => [...texts(folder, CODE)]));
const sections = () => sectionsOf([...texts("docs/method", [".md"]).values()]);

Deno.test("every citation of docs/method names a section and a row that are there", () => {
  const known = sections();
  assert.ok(known.size > 50, `found only ${known.size} sections`);
  assert.ok(known.get("B.2")?.has(24) && known.get("B.3")?.has(25) && known.get("F.4")?.has(10));
  let citing = 0;
  const dangling: string[] = [];
  for (const [path, text] of [...code(), ...texts("docs/method", [".md"])]) {
    if (path.endsWith("citations_test.ts")) continue;
    if (text.includes("docs/method ")) citing++;
    dangling.push(...danglingCitations(text, known).map((what) => `${path}: ${what}`));
  }
  assert.deepEqual(dangling, []);
  assert.ok(citing > 30, `found only ${citing} files that cite`);
});

Deno.test("nothing cites a page that is not in the repository", () => {
  const absent = /\b(?:METHODS|API|DESIGN|PLATFORM|STYLE)\.md\b/;
  const citing = [...code(), ...documents()].filter(([, text]) => absent.test(text)).map(([path]) => path);
  assert.deepEqual(citing, []);
});

Deno.test("danglingCitations() reports sections and rows that are missing, over line ends too", () => {
  const known = sectionsOf([
    "# A. Part\n## A.1 One\n### A.1.2 Two\n## B.3 Rows\n| 1 | x |\n| 2 | y |\n1. item\n7. item\n",
  ]);
  const cases: [string, string[]][] = [
    ["docs/method A.1, A.1.2 and B.3 rows 1, 2", []],
    ["docs/method A; B.3 items 1 and 7", []],
    ["docs/method A.2", ["no section A.2"]],
    ["/** docs/method\n * C.1: */", ["no section C.1"]],
    ["docs/method C says", ["no section C"]],
    ["docs/method B.3\n * rows 2, 3", ["no row 3 in B.3"]],
    ["docs/method B.3 item 9", ["no row 9 in B.3"]],
    ["docs/method A.1, then only D.4's", ["no section D.4"]],
    ["a file that cites nothing has A.9", []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(danglingCitations(text, known), expected, text);
});
