import assert from "node:assert/strict";
import { fakeIo } from "../testing/cli.ts";
import { durationOf, Progress } from "./progress.ts";

/** A clock that stands until it is moved. */
function clock() {
  let now = 0;
  return { read: () => now, pass: (ms: number) => void (now += ms) };
}

Deno.test("Progress without a terminal writes a line each 10 % and each minute", () => {
  const io = fakeIo(), time = clock();
  const progress = new Progress(io, { json: false, clock: time.read });
  for (let step = 1; step <= 20; step++) {
    progress.update({ step, steps: 20 });
    time.pass(1000);
  }
  assert.deepEqual(io.errText().split("\n").slice(0, 3), ["5 %", "15 %  17 s left", "25 %  15 s left"]);
  assert.equal(io.errText().trimEnd().split("\n").length, 11);
  const slow = fakeIo();
  const other = new Progress(slow, { json: false, clock: time.read });
  other.update({ step: 1, steps: 1000 });
  time.pass(60_000);
  other.update({ step: 2, steps: 1000, loss: 0.12345, etaSeconds: 7200, phase: undefined });
  assert.equal(slow.errText(), "0 %\n0 %  loss 0.123  2.0 h left\n");
});

Deno.test("Progress on a terminal rewrites one line, not more often than it can be read", () => {
  const io = fakeIo({ isTerminal: true }), time = clock();
  const progress = new Progress(io, { json: false, clock: time.read });
  progress.update({ step: 1, steps: 4, phase: "final", loss: 1.5, etaSeconds: 30 });
  progress.update({ step: 2, steps: 4, phase: "final", loss: 1.4, etaSeconds: 20 });
  const shown = "[######------------------]  final  25 %  loss 1.50  30 s left".slice(0, 59);
  assert.equal(io.errText(), `\r${shown}\x1b[K`);
  progress.note("Note");
  assert.equal(io.errText(), `\r${shown}\x1b[K\r\x1b[KNote\n`);
});

Deno.test("Progress with --json writes events at most once a second, and the last one", () => {
  const io = fakeIo(), time = clock();
  const progress = new Progress(io, { json: true, clock: time.read });
  for (const [step, ms] of [[1, 500], [2, 500], [3, 100], [4, 0]]) {
    progress.update({ step, steps: 4, phase: "final" });
    time.pass(ms);
  }
  progress.note("Note");
  assert.deepEqual(io.outLines.map((line) => JSON.parse(line)), [
    { type: "progress", step: 1, steps: 4, phase: "final" },
    { type: "progress", step: 3, steps: 4, phase: "final", etaSeconds: 1 },
    { type: "progress", step: 4, steps: 4, phase: "final", etaSeconds: 0 },
    { type: "log", message: "Note" },
  ]);
  assert.equal(io.errText(), "");
});

Deno.test("durationOf() speaks in seconds, minutes and hours", () => {
  assert.deepEqual([89, 90, 5399, 5400].map(durationOf), ["89 s", "2 min", "90 min", "1.5 h"]);
});
