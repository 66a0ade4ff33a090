import assert from "node:assert/strict";
import { allotted, finalSteps } from "./time.ts";

const DURATIONS = { update: 0.2, start: 5, score: 2 };
const of = (seconds: number, held: readonly number[], changes = {}) =>
  allotted({ ...DURATIONS, seconds, held, cases: 8, ...changes });

Deno.test("allotted() fills the time but for a spare twentieth, the final network with about three fifths of the updates", () => {
  for (const seconds of [120, 300, 600, 3600]) {
    for (const held of [[], [1, 1], [2, 2, 2, 2], [1, 1, 1]]) {
      const { steps, foldSteps, foldsRun, scored, seconds: used } = of(seconds, held);
      assert.ok(used <= 0.95 * seconds + 1e-9 && used > 0.9 * seconds, `${used} of ${seconds} s, ${held.length} folds`);
      const updates = steps + foldsRun * foldSteps;
      const taken = updates * 0.2 + (foldsRun + 1) * 5 +
        (scored + held.slice(0, foldsRun).reduce((a, b) => a + b, 0)) * 2;
      assert.ok(Math.abs(taken - used) < 1, `${taken} s, said ${used}`);
      if (held.length > 0) assert.ok(Math.abs(steps / updates - 0.6) < 0.02, `${steps} of ${updates}`);
    }
  }
});

Deno.test("allotted() runs as many folds as get half of the final network's updates, or enough", () => {
  const four = [2, 2, 2, 2];
  for (const seconds of [60, 300, 600]) assert.equal(of(seconds, four).foldsRun, 1, `${seconds} s`);
  const hours = of(4 * 3600, four);
  assert.ok(hours.foldsRun === 4 && hours.foldSteps >= 1500, JSON.stringify(hours));
  assert.equal(of(600, []).foldsRun, 0);
});

Deno.test("allotted() scores fewer training cases where scoring all would take long, and always trains", () => {
  assert.equal(of(600, [30], { cases: 150 }).scored, 30);
  assert.equal(of(600, [1, 1]).scored, 8);
  const tight = of(6, [1, 1]);
  assert.deepEqual([tight.steps, tight.foldSteps, tight.foldsRun, tight.scored], [1, 1, 1, 1]);
  const { steps, foldsRun } = of(24, [4, 4]);
  assert.deepEqual([steps, foldsRun], [78, 0], "a fold would leave the network a tenth of them");
});

Deno.test("finalSteps() gives the updates of the seconds that are left", () => {
  const left = { ...DURATIONS, seconds: 200, budgetSeconds: 600, scored: 10 };
  assert.equal(finalSteps(left), Math.floor((200 - 30 - 5 - 20) / 0.2));
  assert.equal(finalSteps({ ...left, seconds: 10 }), 1, "what is late ends soon");
});

Deno.test("allotted() trains twins on half of the patients where folds keep enough updates, for at most one fold less", () => {
  const eight = [2, 2, 2, 2];
  const minutes = of(600, eight, { halves: 2 });
  assert.deepEqual([minutes.foldsRun, minutes.halves], [1, 0], "too little time");
  const longer = of(3600, [4, 4, 4, 4], { halves: 1 });
  const { steps, foldSteps, foldsRun, halves, seconds } = longer;
  assert.deepEqual([of(3600, [4, 4, 4, 4]).foldsRun, foldsRun, halves], [4, 3, 1], JSON.stringify(longer));
  assert.ok(foldSteps >= 1500 || foldSteps >= 0.5 * steps, JSON.stringify(longer));
  const taken = (steps + 4 * foldSteps) * 0.2 + 5 * 5 + (8 + 3 * 4 + 4) * 2;
  assert.ok(Math.abs(taken - seconds) < 1 && seconds <= 0.95 * 3600 + 1e-9, `${taken} s, said ${seconds}`);
  const hours = of(2 * 3600, eight, { halves: 2 });
  assert.deepEqual([hours.foldsRun, hours.halves], [4, 2], "no fold is lost where there is time");
  assert.equal(of(3600, eight, { halves: 2 }).halves, 0, "two folds would be lost");
  assert.equal(of(3600, eight).halves, 0);
});
