import assert from "node:assert/strict";
import { nextXoshiro, Random } from "./random.ts";

Deno.test("nextXoshiro() gives the published sequence for the state 1, 2, 3, 4", () => {
  const state = Uint32Array.of(1, 2, 3, 4);
  const expected = [
    11520,
    0,
    5927040,
    70819200,
    2031721883,
    1637235492,
    1287239034,
    3734860849,
    3729100597,
    4258142804,
  ];
  assert.deepEqual(expected.map(() => nextXoshiro(state)), expected);
});

Deno.test("Random gives the same stream for the same seed and another for another", () => {
  const draw = (r: Random) => Array.from({ length: 5 }, () => r.uint32());
  assert.deepEqual(draw(new Random(7)), draw(new Random(7)));
  assert.notDeepEqual(draw(new Random(7)), draw(new Random(8)));
});

Deno.test("Random.fork() depends on seed and label, not on what was drawn", () => {
  const a = new Random(7), b = new Random(7);
  a.uniform();
  a.normal();
  assert.equal(a.fork("step 3").uint32(), b.fork("step 3").uint32());
  assert.notEqual(a.fork("step 3").uint32(), a.fork("step 4").uint32());
});

Deno.test("Random.uniform() and normal() have the moments of their distributions", () => {
  const random = new Random(1), n = 100_000;
  const moments = (draw: () => number) => {
    let sum = 0, squares = 0, fourth = 0;
    for (let i = 0; i < n; i++) {
      const v = draw();
      sum += v;
      squares += v * v;
      fourth += v ** 4;
    }
    return [sum / n, squares / n, fourth / n];
  };
  // tolerances: five standard errors of each mean
  const close = (actual: number[], expected: number[], variances: number[]) =>
    actual.forEach((v, i) => {
      const tolerance = 5 * Math.sqrt(variances[i] / n);
      assert.ok(Math.abs(v - expected[i]) < tolerance, `moment ${i}: ${v} is not ${expected[i]} ± ${tolerance}`);
    });
  close(moments(() => random.uniform()), [1 / 2, 1 / 3, 1 / 5], [1 / 12, 4 / 45, 16 / 225]);
  close(moments(() => random.normal()), [0, 1, 3], [1, 2, 96]);
});

Deno.test("Random.integer() stays below its bound and reaches every value", () => {
  const random = new Random(2);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 5000; i++) counts[random.integer(5)]++;
  assert.equal(counts.length, 5);
  assert.ok(counts.every((c) => Math.abs(c - 1000) < 150), `${counts}`);
});

Deno.test("Random.shuffle() permutes", () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = new Random(3).shuffle([...items]);
  assert.notDeepEqual(shuffled, items);
  assert.deepEqual(shuffled.toSorted((a, b) => a - b), items);
});
