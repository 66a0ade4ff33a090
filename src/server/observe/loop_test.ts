import assert from "node:assert/strict";
import { LoopMonitor } from "./loop.ts";

Deno.test("LoopMonitor reports by how much each tick was late", () => {
  let now = 1000;
  const delays: number[] = [];
  using monitor = new LoopMonitor({ onDelay: (s) => delays.push(s), now: () => now });
  for (const step of [20, 320, 15]) {
    now += step;
    monitor.tick();
  }
  assert.deepEqual(delays, [0, 0.3, 0]);
});

Deno.test("LoopMonitor notices work that holds the thread", async () => {
  const delays: number[] = [];
  using _monitor = new LoopMonitor({ onDelay: (s) => delays.push(s) });
  for (const end = performance.now() + 200; performance.now() < end;);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(Math.max(...delays) > 0.15, `${delays}`);
});
