import assert from "node:assert/strict";
import { csvLine, parseCsv } from "./csv.ts";

Deno.test("parseCsv() reads quotes, both line ends, a byte-order mark, and passes empty lines over", () => {
  assert.deepEqual(parseCsv('\uFEFFcase, actual\r\n"a, ""b""",HGG\n\nc, LGG \r\n'), [
    { case: 'a, "b"', actual: "HGG" },
    { case: "c", actual: "LGG" },
  ]);
  assert.deepEqual(parseCsv('a,b\n"two\nlines",'), [{ a: "two\nlines", b: "" }]);
  assert.deepEqual(parseCsv("a\n"), []);
  assert.deepEqual(parseCsv("a;b\n1,5;2"), [{ a: "1,5", b: "2" }]);
  assert.deepEqual(parseCsv("a\tb\n1;5\t2,3"), [{ a: "1;5", b: "2,3" }]);
});

Deno.test("parseCsv() refuses what is no table", () => {
  const cases: [string, string][] = [
    ["", "Cannot read the table: expected a header line, got an empty file"],
    ["a,a\n1,2", "Cannot read the table: a column is there twice"],
    ["a,b\n1,2\n1", "Cannot read the table: expected 2 values in row 2 below the header, got 1"],
    ['a\n"open', "Cannot read the table: a quote in row 2 is out of place"],
    ['a\nx"y"', "Cannot read the table: a quote in row 2 is out of place"],
  ];
  for (const [text, message] of cases) assert.throws(() => parseCsv(text), { name: "SyntaxError", message });
});

Deno.test("csvLine() quotes where needed and leaves undefined numbers empty", () => {
  assert.equal(csvLine(["a", 'b "c"', "d,e", 0.5, NaN, Infinity]), 'a,"b ""c""","d,e",0.5,,inf');
});
