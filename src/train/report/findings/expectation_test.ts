import assert from "node:assert/strict";
import type { CaseScore } from "../scores.ts";
import { accuracyExpectation, diceExpectation } from "./expectation.ts";

const patients = (...values: (number | null)[]) => values.map((dice, i) => ({ patient: `p${i}`, dice, cases: [i] }));

Deno.test("diceExpectation() gives an interval of nine patients and more, a lower limit of fewer, and says how", () => {
  const nine = diceExpectation(patients(0.9, 0.1, 0.5, 0.6, 0.7, 0.8, 0.2, 0.3, 0.4, null));
  assert.deepEqual([nine.patients, nine.low, nine.high, nine.level], [9, 0.1, 0.9, 0.8]);
  assert.equal(
    nine.sentence,
    "Expect a Dice between 0.10 and 0.90 on a new patient like these, with a chance of at least 80 % (between the ranks of " +
      "9 held-out patients).",
  );
  const three = diceExpectation(patients(0.8, 0.68, 0.75));
  assert.deepEqual([three.low, three.high, three.level], [0.68, null, 0.75]);
  assert.equal(
    three.sentence,
    "Expect a Dice of at least 0.68 on a new patient like these, with a chance of at least 75 % (the least of 3 held-out " +
      "patients; so few give a lower limit only).",
  );
});

Deno.test("diceExpectation() says what it does not know", () => {
  const sentence = (...values: (number | null)[]) => diceExpectation(patients(...values)).sentence;
  assert.equal(sentence(null), "What to expect of a new patient is not known: no held-out patient has a figure.");
  assert.equal(sentence(0.5), "What to expect of a new patient is not known: one held-out patient alone has a figure.");
});

Deno.test("accuracyExpectation() counts a patient as right where all of their cases are", () => {
  const scored = (i: number, isRight: boolean): CaseScore => ({
    case: i,
    classIndex: 1,
    probabilities: isRight ? [0.2, 0.8] : [0.8, 0.2],
  });
  const scores = [true, true, true, false, true, true, true, true, true, true, true].map((is, i) => scored(i, is));
  // cases 3 and 4 are of one patient
  const found = accuracyExpectation(scores, (i) => `p${i === 4 ? 3 : i}`);
  assert.deepEqual([found.patients, found.mean, found.level], [10, 0.9, 0.95]);
  assert.equal(
    found.sentence,
    "Of new patients like these, expect between 55 % and 99 % to be classified right (9 of 10 held-out ones were; exact " +
      "interval of 95 %).",
  );
  assert.equal(accuracyExpectation([{ ...scores[0], unlearnt: true }], String).mean, null);
});
