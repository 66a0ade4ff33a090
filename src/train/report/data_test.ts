import assert from "node:assert/strict";
import { dataNotes } from "./data.ts";

Deno.test("dataNotes() says how patients were found, and lists cases that were left out", () => {
  assert.deepEqual(dataNotes({}), []);
  const leftOut = Array.from({ length: 22 }, (_, i) => ({ case: `c${i}`, reason: "it has no label map" }));
  const notes = dataNotes({ patients: { count: 3, named: 2, rule: 0, caseName: 1 }, leftOut });
  assert.deepEqual([notes.length, notes[0], notes[1], notes.at(-1)], [
    22,
    "3 patients: of 2 cases named, of 1 case by the case's name.",
    "Left out: c0 (it has no label map).",
    "Left out: 2 more cases, which report.json lists.",
  ]);
  assert.deepEqual(dataNotes({ patients: { count: 1, named: 0, rule: 2, caseName: 0 } }), [
    "1 patient: of 2 cases by the rule that was given.",
  ]);
});
