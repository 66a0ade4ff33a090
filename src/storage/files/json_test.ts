import assert from "node:assert/strict";
import { parseForeignJson, unstorable } from "./json.ts";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

Deno.test("parseForeignJson() gives what a database can hold, and refuses the rest", () => {
  assert.deepEqual(parseForeignJson('{"a": ["[[[", {"b": "\\ud83d\\ude00"}, null, 1.5]}'), {
    a: ["[[[", { b: "😀" }, null, 1.5],
  });
  assert.ok(Array.isArray(parseForeignJson(nested(64))));
  const cases: readonly (readonly [string, RegExp])[] = [
    ["{", /JSON/],
    ['{"a": "\\u0000"}', /a NUL character/],
    ['{"\\u0000": 1}', /a NUL character/],
    ['["\\ud800"]', /half a surrogate pair/],
    ['{"\\udc00x": 1}', /half a surrogate pair/],
    [nested(65), /more than 64 levels/],
    [nested(100_000), /more than 64 levels/],
    [`{"a":${nested(100_000)}}`, /more than 64 levels/],
    ["[".repeat(100_000), /more than 64 levels/],
  ];
  for (const [text, words] of cases) {
    assert.throws(() => parseForeignJson(text), { name: "SyntaxError", message: words });
  }
});

Deno.test("unstorable() names what a value holds", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assert.deepEqual([1, "a", { a: ["b"] }, "\0", "\ud800", { "\0": 1 }, deep].map(unstorable), [
    null,
    null,
    null,
    "a NUL character",
    "half a surrogate pair",
    "a NUL character",
    "more than 64 levels",
  ]);
});
