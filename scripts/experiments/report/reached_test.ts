import assert from "node:assert/strict";
import { recordOf } from "../testing/fixtures.ts";
import { reachedSection, timeToReach } from "./reached.ts";

const CURVE = [{ time: 10, score: 0.4 }, { time: 20, score: 0.7 }, { time: 40, score: 0.8 }];

Deno.test("timeToReach() reads the time off the line from which the score stays", () => {
  assert.ok(Math.abs(timeToReach(CURVE, 0.95)! - 32) < 1e-9, "0.76 of 0.8");
  assert.ok(Math.abs(timeToReach(CURVE, 0.5)! - 10) < 1e-9, "reached by the first point");
  const dip = [{ time: 10, score: 0.9 }, { time: 20, score: 0.5 }, { time: 40, score: 0.9 }];
  assert.ok(timeToReach(dip, 0.9)! > 20, "a dip counts");
  assert.equal(timeToReach([], 0.9), null);
});

Deno.test("reachedSection() is there for an axis of time only", () => {
  const lines = CURVE.map(({ time, score }) => ["scratch", String(time), 0, score, 1] as const);
  const record = recordOf(lines, { chart: { kind: "lines", xName: "seconds", axis: "seconds" } });
  assert.match(reachedSection(record), /\| scratch \| 0\.800 \| 24 \| 32 \| 38 \|/);
  const late = record.rows.map((row, i) => ({ ...row, values: { ...row.values, trainSeconds: 100 * (i + 1) } }));
  assert.match(reachedSection({ ...record, rows: late }), /\| scratch \| 0\.800 \| 220 \| 260 \| 292 \|/);
  assert.equal(reachedSection(recordOf(lines, { chart: { kind: "lines", xName: "patients" } })), "");
});
