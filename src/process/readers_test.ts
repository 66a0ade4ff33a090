import assert from "node:assert/strict";
import { DomainError } from "../storage/mod.ts";
import { workFor } from "./asker.ts";
import { children } from "./testing/lives.ts";
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

Deno.test("Readers.run() ends the child of somebody who leaves, and gives their turn to the next", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const readers = new Readers({ together: 1 }), before = children();
  const program = import.meta.resolve("./testing/limited_child.ts");
  const [first, second] = [new AbortController(), new AbortController()];
  const left = (promise: Promise<unknown>) =>
    assert.rejects(promise, { code: "stopping", message: "Cannot import the weights: nobody waits for it any more" });
  const spins = left(workFor(first.signal, () => readers.run(program, task("spin"))));
  const waits = left(workFor(second.signal, () => readers.run(program, task("echo"))));
  const last = readers.run(program, task("echo"));
  assert.deepEqual([readers.running, readers.waiting], [1, 2]);
  second.abort();
  await waits;
  assert.equal(readers.waiting, 1);
  first.abort();
  await spins;
  assert.equal(await last, "echo");
  assert.deepEqual([readers.running, readers.waiting], [0, 0]);
  assert.deepEqual(children().filter((pid) => !before.includes(pid)), []);
  await left(workFor(first.signal, () => readers.run(program, task("spin"))));
});
