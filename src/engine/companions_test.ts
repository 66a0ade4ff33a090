import assert from "node:assert/strict";
import { Companions } from "./mod.ts";

class Counter {
  n = 0;
}
class Other extends Counter {}

Deno.test("Companions.of() gives the same object of a class each time, and each engine its own", () => {
  const [one, another] = [new Companions(), new Companions()];
  one.of(Counter).n++;
  one.of(Other).n += 10;
  assert.deepEqual([one.of(Counter).n, one.of(Other).n, another.of(Counter).n], [1, 10, 0]);
});
