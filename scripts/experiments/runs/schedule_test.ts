import assert from "node:assert/strict";
import { fakeRun, inFolder } from "../testing/fixtures.ts";
import { keyOf, type Run, RunCache } from "./runs.ts";
import { type Ended, missing, performAll } from "./schedule.ts";

const titles = (runs: readonly Run[]) => runs.map((r) => r.title);

Deno.test("missing() returns the runs that are not done, each once, after those that it needs", () =>
  inFolder(async (folder) => {
    const done: string[] = [], cache = new RunCache(folder);
    const data = fakeRun("data", { keepsOutput: true, done });
    const base = fakeRun("base", { needs: [data], keepsOutput: true, done });
    const first = fakeRun("first", { needs: [base], done }), second = fakeRun("second", { needs: [base], done });
    assert.deepEqual(titles(await missing([first, second, first], cache)), ["data", "base", "first", "second"]);
    for (const run of [data, base, first]) await cache.perform(run);
    assert.deepEqual(titles(await missing([first, second], cache)), ["second"]);
    await Deno.remove(cache.outputOf(data), { recursive: true });
    assert.deepEqual(titles(await missing([first, second], cache)), ["second"], "the base is there without its data");
    await Deno.remove(cache.outputOf(base), { recursive: true });
    assert.deepEqual(titles(await missing([first, second], cache)), ["data", "base", "second"]);
    assert.deepEqual(titles(await missing([first], cache)), []);
  }));

/** Runs that end on command. */
function held(jobs: number, runs: readonly Run[]) {
  const going = new Map<string, PromiseWithResolvers<void>>();
  const all = performAll(runs, {
    jobs,
    perform: ({ title }) => {
      const own = Promise.withResolvers<void>();
      going.set(title, own);
      return own.promise;
    },
  });
  const next = async (title: string, error?: Error): Promise<Ended> => {
    const ended = all.next();
    if (error) going.get(title)!.reject(error);
    else going.get(title)?.resolve();
    return (await ended).value;
  };
  return { all, going, next };
}

Deno.test("performAll() does as many at a time as it may, none before what it needs", async () => {
  const base = fakeRun("base", { done: [] });
  const [a, b, c] = ["a", "b", "c"].map((name) => fakeRun(name, { needs: name === "b" ? [base] : [], done: [] }));
  const { all, going, next } = held(2, [base, b, a, c]);
  const first = all.next();
  assert.deepEqual([...going.keys()], ["base", "a"]);
  going.get("a")!.resolve();
  assert.deepEqual((await first).value, { run: a });
  assert.equal((await next("base")).run, base);
  assert.deepEqual([...going.keys()], ["base", "a", "c"]);
  const last = all.next();
  assert.deepEqual([...going.keys()], ["base", "a", "c", "b"]);
  going.get("b")!.resolve();
  assert.equal((await last).value.run, b);
  assert.equal((await next("c")).run, c);
  assert.deepEqual(await all.next(), { done: true, value: undefined });
});

Deno.test("performAll() continues after a failure without runs that need the failed one", async () => {
  const base = fakeRun("base", { done: [] }), other = fakeRun("other", { done: [] });
  const needing = fakeRun("needing", { needs: [base], done: [] });
  const found: Ended[] = [], started: string[] = [];
  const perform = (run: Run) => {
    started.push(run.title);
    return run === base ? Promise.reject(new Error("broken")) : Promise.resolve();
  };
  for await (const ended of performAll([base, needing, other], { jobs: 1, perform })) found.push(ended);
  assert.deepEqual(started, ["base", "other"]);
  assert.deepEqual(found.map(({ run, error }) => [keyOf(run) === keyOf(base), String(error)]), [
    [true, "Error: broken"],
    [false, "undefined"],
  ]);
});
