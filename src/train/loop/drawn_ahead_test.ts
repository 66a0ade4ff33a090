import assert from "node:assert/strict";
import { GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { aheadOf, DrawnAhead } from "./drawn_ahead.ts";
import type { MicroBatch } from "./program.ts";

const PROGRAM = { graph: new GraphBuilder().build("empty", {}), state: new Map<string, string>() };

const batchOf = (step: number, i: number): MicroBatch => ({
  program: PROGRAM,
  feeds: { at: tensor("float32", [2], [step, i]) },
});

/** Two micro-batches an update, drawn at once; `asked` lists them in the order in which they were asked for. */
function drawnOf({ drawsElsewhere, steps = 10 }: { drawsElsewhere: boolean; steps?: number }) {
  const asked: string[] = [];
  const drawn = new DrawnAhead({
    steps,
    drawsElsewhere,
    update: (step) => ({
      learningRate: 1,
      count: 2,
      micro: (i) => {
        asked.push(`${step}.${i}`);
        return step === 7 ? Promise.reject(new Error("no crop")) : Promise.resolve(batchOf(step, i));
      },
    }),
  });
  const next = async (step: number, i: number) => [...(await drawn.next(step, i)).feeds.at.data].join(".");
  return { drawn, asked, next };
}

Deno.test("DrawnAhead asks another thread for several micro-batches while the device works, in the training's order", async () => {
  const { drawn, asked, next } = drawnOf({ drawsElsewhere: true });
  assert.equal(await next(3, 1), "3.1");
  drawn.drawDuring(new Promise(() => {}), 3);
  assert.deepEqual(asked, ["3.1", "4.0", "4.1", "5.0"]);
  assert.equal(await next(4, 0), "4.0");
  drawn.drawDuring(new Promise(() => {}), 3);
  assert.deepEqual(asked.slice(4), ["5.1"]);
  assert.deepEqual([await next(4, 1), await next(5, 0), await next(5, 1), await next(6, 0)], [
    "4.1",
    "5.0",
    "5.1",
    "6.0",
  ]);
});

Deno.test("DrawnAhead draws one micro-batch in this thread, once the device has started", async () => {
  const { drawn, asked, next } = drawnOf({ drawsElsewhere: false });
  await next(0, 0);
  const started = Promise.withResolvers<void>();
  drawn.drawDuring(started.promise, 3);
  await Promise.resolve();
  assert.deepEqual(asked, ["0.0"]);
  started.resolve();
  assert.equal(await next(0, 1), "0.1");
  assert.deepEqual(asked, ["0.0", "0.1"]);
});

Deno.test("DrawnAhead asks for nothing beyond the last update, and returns what was put back first", async () => {
  const { drawn, asked, next } = drawnOf({ drawsElsewhere: true, steps: 2 });
  await next(0, 0);
  drawn.drawDuring(Promise.resolve(), 9);
  assert.deepEqual(asked, ["0.0", "0.1", "1.0", "1.1"]);
  const taken = await drawn.next(0, 1);
  drawn.putBack(taken);
  assert.equal(await drawn.next(0, 1), taken);
  assert.equal(await next(1, 0), "1.0");
});

Deno.test("DrawnAhead throws an error where its micro-batch is asked for, and waits for the others at the end", async () => {
  const { drawn, next } = drawnOf({ drawsElsewhere: true });
  await next(6, 0);
  drawn.drawDuring(Promise.resolve(), 4);
  assert.equal(await next(6, 1), "6.1");
  await assert.rejects(next(7, 0), /no crop/);
  await drawn.end();
});

Deno.test("aheadOf() is four micro-batches, of large ones as many as fit into 256 MiB, at least one", () => {
  const of = (mib: number): MicroBatch => ({
    program: PROGRAM,
    feeds: { view: { ...tensor("float32", [0], []), shape: [mib, 2 ** 18] } },
  });
  assert.deepEqual([1, 64, 100, 1000].map((mib) => aheadOf(of(mib))), [4, 4, 2, 1]);
});
