import assert from "node:assert/strict";
import { DomainError } from "../storage/mod.ts";
import { Readers } from "./readers.ts";
import type { LimitedWish } from "./testing/limited_child.ts";

const task = (does: LimitedWish["does"]) => ({
  task: { does } satisfies LimitedWish,
  reads: [],
  writes: [],
  refusal: { code: "invalid-weights", start: "Cannot import the weights" } as const,
});

Deno.test("Readers.run() runs as many children as allowed, keeps the order, and refuses more than may wait", async () => {
  const readers = new Readers({ together: 1, maxWaiting: 2 });
  const program = import.meta.resolve("./testing/limited_child.ts"), order: number[] = [];
  const runs = [0, 1, 2].map((n) => readers.run(program, task(n === 1 ? "exit" : "echo")).finally(() => order.push(n)));
  assert.equal(readers.waiting, 2);
  await assert.rejects(
    readers.run(program, task("echo")),
    (e) =>
      e instanceof DomainError && e.code === "busy" &&
      /^Cannot read the files now: 2 others are waiting$/.test(e.message),
  );
  const ended = await Promise.allSettled(runs);
  assert.deepEqual(ended.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual([order, readers.waiting], [[0, 1, 2], 0]);
  assert.equal(await readers.run(program, task("echo")), "echo"); // a failure gave its place back
});
