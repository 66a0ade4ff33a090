import assert from "node:assert/strict";
import { refusal } from "../../storage/testing/refusal.ts";
import { isPatientTable, readPatientTable } from "./table.ts";

Deno.test("readPatientTable() reads a row for each case, with a class or without", () => {
  const { rowOf, unused } = readPatientTable("case,patient,class\na_1,A,HGG\nMu\u0308ller,B,\n");
  assert.deepEqual(rowOf("a_1"), { patient: "A", className: "HGG" });
  assert.deepEqual(rowOf("Müller"), { patient: "B" });
  assert.equal(unused(), 0);
  assert.equal(rowOf("a_2"), null);
});

Deno.test("readPatientTable() reads BIDS participants, whose names begin those of their cases", () => {
  const { rowOf, unused } = readPatientTable("participant_id\tage\nsub-01\t30\nsub-011\t40\n02\t50\nA_1\t1\nA\t2\n");
  const patientOf = (name: string) => rowOf(name)?.patient ?? null;
  assert.deepEqual(["sub-01_ses-1", "sub-01", "sub-011_ses-1", "sub-02_ses-1", "01_T1", "sub-0"].map(patientOf), [
    "sub-01",
    "sub-01",
    "sub-011",
    "02",
    "sub-01",
    null,
  ]);
  assert.equal(unused(), 2);
  assert.deepEqual(["A_1_T2", "A_2"].map(patientOf), ["A_1", "A"], "the longest name that fits");
  assert.equal(unused(), 0);
});

Deno.test("readPatientTable() refuses tables without the columns, gaps and repeated cases, by the row's number", () => {
  const refused: [string, RegExp][] = [
    ["id,patient\na,A\n", /needs the columns "case" and "patient", or "participant_id"/],
    ["", /expected a header line, got an empty file/],
    ["case,patient\na,\n", /row 1 lacks a name/],
    ["case,patient\na,A\na,B\n", /row 2 names what an earlier row names too/],
    ["case,patient\nM\uFFFDller,M\n", /is not UTF-8; save it as CSV UTF-8/],
    ["case,patient\na\n", /expected 2 values in row 1 below the header, got 1/],
  ];
  for (const [text, message] of refused) {
    assert.throws(() => readPatientTable(text), refusal("invalid-dataset", message), text);
  }
});

Deno.test("isPatientTable() knows a table by its columns", () => {
  const texts = [
    "case,patient",
    '\uFEFF"case";"patient"\n',
    "participant_id\tage",
    "patient,age\ncase,1",
    "name,case",
    "",
  ];
  assert.deepEqual(texts.map(isPatientTable), [true, true, true, false, false, false]);
});
