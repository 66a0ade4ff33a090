import assert from "node:assert/strict";
import { longestHold, spentMs } from "./held.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("longestHold() counts work of the thread between two turns, and neither pauses nor other turns", async () => {
  const spin = (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  const { result, heldMs } = await longestHold(async () => {
    await pause(200);
    for (let i = 0; i < 20; i++) {
      spin(10);
      await pause(5);
    }
    return "done";
  });
  assert.equal(result, "done");
  assert.ok(heldMs < 150, `${heldMs}`);
  const long = await longestHold(async () => {
    await pause(5);
    const before = spentMs();
    while (spentMs() < before + 200);
  });
  assert.ok(long.heldMs >= 200, `${long.heldMs}`);
});
