import assert from "node:assert/strict";
import { refusal } from "../../storage/testing/refusal.ts";
import { readPatientRule } from "./rule.ts";

Deno.test("readPatientRule() gives the group of the rule, or null", () => {
  const cases: [string, string, string | null][] = [
    ["^(P[0-9]+)_", "P14_3", "P14"],
    ["^([^_]+)_[^_]+$", "Meier_2", "Meier"],
    ["-(\\d{4})-", "IXI002-0828-T1", "0828"],
    ["^(P\\d+)", "x14", null],
    ["^(\\p{L}+)", "Müller_1", "Müller"],
    ["(.*)", "", null],
    ["^[(]?(a|ab)", "(ab", "a"],
  ];
  for (const [rule, name, patient] of cases) assert.equal(readPatientRule(rule)(name), patient, rule);
});

Deno.test("readPatientRule() refuses rules that are none, or may run for long", () => {
  const refused: [string, RegExp][] = [
    ["P[0-9]+", /expected one group, the patient, as in .*, got 0 groups/],
    ["(a)(b)", /got 2 groups/],
    ["(a+)+$", /expected a group that is not repeated/],
    ["(a){20}", /expected a group that is not repeated/],
    ["^.*.*.*(a).*$", /at most 3 of \*, \+ and \{\}/],
    [".*.*.*(a)", /at most 3 .*2 without \^ in front/],
    ["^a?a?a?a?(a)", /at most 3 of \?/],
    ["^(?=a)(b)", /no look-around/],
    ["^(a)\\1", /no reference to a group/],
    ["^(a", /expected a regular expression/],
    ["^a)|(b", /expected a regular expression/],
    [`^(${"a".repeat(100)})`, /at most 100 characters/],
  ];
  for (const [rule, message] of refused) {
    assert.throws(() => readPatientRule(rule), refusal("invalid-request", message), rule);
  }
});

Deno.test("readPatientRule() ends soon with the worst rule that is taken", () => {
  const patientOf = readPatientRule("^[a-z]*[a-z]*[a-z]*a?a?a?(b)");
  const start = performance.now();
  assert.equal(patientOf("a".repeat(200)), null);
  assert.ok(performance.now() - start < 5000, `${performance.now() - start} ms`);
});
