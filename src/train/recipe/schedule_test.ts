import assert from "node:assert/strict";
import { resolveBrainmvp } from "../pretraining/brainmvp/presets.ts";
import { cosineRate, Schedule } from "./schedule.ts";

Deno.test("cosineRate() gives docs/method F.3's rates", () => {
  const close = (step: number, expected: number) => {
    const rate = cosineRate(3e-4, step, 500);
    assert.ok(Math.abs(rate / expected - 1) < 1e-8, `step ${step}: ${rate}, expected ${expected}`);
  };
  close(1, 2.9999703912842e-4);
  close(250, 1.5e-4);
  close(499, 2.96087158e-9);
  assert.equal(cosineRate(3e-4, 0, 500), 3e-4);
});

Deno.test("Schedule counts steps and updates as the official code does (docs/method B.2.2)", () => {
  const schedule = new Schedule(resolveBrainmvp({ preset: "official" }, 3755), 3755);
  assert.deepEqual([schedule.perEpoch, schedule.updatesOf(1)], [312, 156]);
  assert.deepEqual(schedule.stepsOf(0), { first: 0, last: 0 }, "the first update has a single step");
  assert.deepEqual(schedule.stepsOf(1), { first: 1, last: 2 });
  assert.deepEqual(schedule.stepsOf(155), { first: 309, last: 310 });
  assert.deepEqual(schedule.stepsOf(156), { first: 311, last: 312 }, "the last step goes into the next epoch");
  assert.equal(schedule.epochOf(312), 1);
  // five steps an epoch: the last one applies, and so does the next epoch's first
  const odd = new Schedule(resolveBrainmvp({ preset: "official" }, 60), 60);
  assert.deepEqual([2, 3].map((u) => odd.stepsOf(u)), [{ first: 3, last: 4 }, { first: 5, last: 5 }]);
  const whole = new Schedule({ batch: { size: 2, replicas: 1, accumulation: 3, updates: "whole" } }, 8);
  assert.deepEqual([whole.perEpoch, whole.stepsOf(1)], [4, { first: 3, last: 5 }]);
  assert.equal(new Schedule({ batch: { size: 4, replicas: 2, accumulation: 1, updates: "whole" } }, 3).perEpoch, 1);
});

Deno.test("the rate of official-olab reaches 0 at half of the run and comes back (docs/method B.2.2)", () => {
  const { steps, batch } = resolveBrainmvp({ preset: "official-olab" }, 500);
  const schedule = new Schedule({ batch }, 500);
  const total = schedule.stepsOf(steps - 1).last + 1;
  const rateAt = (share: number) =>
    cosineRate(1, schedule.stepsOf(Math.round(share * (steps - 1))).last, total / batch.accumulation);
  assert.ok(rateAt(0) === 1 && rateAt(0.5) < 1e-6 && rateAt(1) > 1 - 1e-6, `${rateAt(0.5)}, ${rateAt(1)}`);
});
