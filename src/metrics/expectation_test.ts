import assert from "node:assert/strict";
import { Random } from "../tensor/mod.ts";
import { nextValueInterval, shareInterval } from "./mod.ts";

const RANDOM = new Random("coverage");

/** Sources of Dice: bell-shaped, one patient in five failed, and tied values. */
const SOURCES: Readonly<Record<string, () => number>> = {
  bell: () => 0.7 + 0.1 * RANDOM.normal(),
  failures: () => RANDOM.uniform() < 0.2 ? 0.3 * RANDOM.uniform() : 0.8 + 0.1 * RANDOM.uniform(),
  ties: () => RANDOM.integer(4) / 4,
};
const RUNS = 20_000;

Deno.test("nextValueInterval() holds the next value at least as often as it says, from 2 to 60 values", () => {
  for (const [name, draw] of Object.entries(SOURCES)) {
    for (const count of [2, 3, 5, 8, 9, 12, 25, 60]) {
      const runs = Math.ceil(RUNS / count);
      let inside = 0, level = 0;
      for (let run = 0; run < runs; run++) {
        const found = nextValueInterval(Array.from({ length: count }, draw))!;
        level = found.level;
        const next = draw();
        inside += Number(next >= found.low && next <= found.high);
      }
      const share = inside / runs, noise = 3 * Math.sqrt(level * (1 - level) / runs);
      assert.ok(share >= level - noise, `${name}, ${count} values: ${share} of ${level}`);
      if (count >= 9) assert.ok(level >= 0.8, `${count} values: level ${level}`);
    }
  }
});

Deno.test("nextValueInterval() lies between order statistics; few values give a lower limit", () => {
  const values = [0.9, 0.5, 0.7, 0.8, 0.6];
  assert.deepEqual(nextValueInterval(values), { low: 0.5, high: Infinity, level: 5 / 6, count: 5 });
  const nine = [...values, 0.1, 0.2, 0.3, 0.4];
  assert.deepEqual(nextValueInterval(nine), { low: 0.1, high: 0.9, level: 0.8, count: 9 });
  const nineteen = Array.from({ length: 19 }, (_, i) => i);
  assert.deepEqual(nextValueInterval(nineteen), { low: 1, high: 17, level: 0.8, count: 19 });
  assert.equal(nextValueInterval([0.5]), null);
});

Deno.test("shareInterval() gives the exact limits of scipy's binomtest", () => {
  const cases = [
    [0, 5, 0, 0.5218237501],
    [5, 5, 0.4781762499, 1],
    [8, 10, 0.4439045377, 0.9747892737],
    [3, 7, 0.0989882784, 0.8159484324],
  ];
  for (const [hits, count, low, high] of cases) {
    const found = shareInterval(hits, count);
    assert.ok(Math.abs(found.low - low) < 1e-9 && Math.abs(found.high - high) < 1e-9, `${hits} of ${count}`);
  }
  assert.throws(() => shareInterval(3, 2), {
    name: "RangeError",
    message: "Cannot compute a share's interval: expected 0 to 2 hits of at least one, got 3",
  });
});
