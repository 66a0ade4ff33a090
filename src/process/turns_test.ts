import assert from "node:assert/strict";
import { Turns } from "./turns.ts";

Deno.test("Turns.take() lets a few go on in each turn of the loop, in their order, and one alone at once", async () => {
  const turns = new Turns(), went: number[] = [];
  let turn = 0, isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setTimeout(count);
  };
  setTimeout(count);
  const inTurn = new Map<number, number>();
  const all = Array.from({ length: 50 }, async (_, n) => {
    await turns.take();
    went.push(n);
    inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1);
  });
  await Promise.all(all);
  assert.deepEqual(went, Array.from({ length: 50 }, (_, n) => n));
  assert.ok(Math.max(...inTurn.values()) <= 16, JSON.stringify([...inTurn])); // two timers may fire in one of ours
  assert.ok(inTurn.size >= 4, `${inTurn.size} turns`);
  isOver = true;
  await new Promise((resolve) => setTimeout(resolve, 20));
  let isAtOnce = false;
  turns.take().then(() => isAtOnce = true);
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(isAtOnce);
  await new Promise((resolve) => setTimeout(resolve, 20)); // its timer ends
});
