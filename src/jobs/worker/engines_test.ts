import assert from "node:assert/strict";
import { type Engine, EngineError, type Provider } from "../../engine/mod.ts";
import { Engines } from "./engines.ts";

/** Engines that record when they are opened and closed. */
function recorder() {
  const log: string[] = [];
  const waiters = new Map<string, () => void>();
  let opened = 0;
  const open = (provider: Provider) => {
    const deviceName = `${provider} ${++opened}`;
    log.push(`open ${deviceName}`);
    const close = () => {
      log.push(`close ${deviceName}`);
      waiters.get(deviceName)?.();
      return Promise.resolve();
    };
    return Promise.resolve({ provider, deviceName, close, forgetPeak: () => {} } as Engine);
  };
  /** Waits for an engine to close; the timers of waiting engines alone do not keep a process alive. */
  const closed = async (deviceName: string) => {
    const alive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => waiters.set(deviceName, resolve));
    clearInterval(alive);
  };
  return { log, open, closed };
}

const unexpected = (message: string) => assert.fail(message);
const name = ({ deviceName }: Engine) => Promise.resolve({ deviceName, warnings: [] });

Deno.test("Engines keeps an engine for the next task, or closes it with its task", async () => {
  const { log, open } = recorder();
  const engines = new Engines({ open });
  const run = (keep: boolean, work = name) => engines.run(["cpu"], { work, keep, onFallback: unexpected });
  await run(true);
  assert.equal((await run(true)).deviceName, "cpu 1");
  await run(true, async (engine) => {
    assert.equal((await run(true)).deviceName, "cpu 2", "two tasks at the same time have an engine each");
    return await name(engine);
  });
  assert.deepEqual(log.splice(0), ["open cpu 1", "open cpu 2", "close cpu 1"], "one of them waits");
  assert.equal((await run(false)).deviceName, "cpu 2");
  await run(false);
  assert.deepEqual(log, ["close cpu 2", "open cpu 3", "close cpu 3"]);
});

Deno.test("Engines closes one that failed before it opens the next, and its task's warnings tell why", async () => {
  const { log, open } = recorder();
  const engines = new Engines({ open });
  const messages: string[] = [];
  const own = { code: "modality-mismatch", detail: "own" };
  const work = ({ provider }: Engine) => {
    log.push(`work on ${provider}`);
    if (provider === "cuda") return Promise.reject(new EngineError("out-of-memory", "Cannot run: out of memory"));
    return Promise.resolve({ warnings: [own] });
  };
  const detail = "cuda could not do it: Cannot run: out of memory";
  const task = { work, keep: true, onFallback: (message: string) => messages.push(message) };
  assert.deepEqual(await engines.run(["cuda", "cpu"], task), { warnings: [own, { code: "fell-back", detail }] });
  assert.deepEqual(messages, [detail]);
  assert.deepEqual(log, ["open cuda 1", "work on cuda", "close cuda 1", "open cpu 2", "work on cpu"]);
  const refused = () => Promise.reject(new RangeError("not the device's fault"));
  await assert.rejects(engines.run(["cpu"], { ...task, work: refused }), RangeError);
  await engines.run(["cpu"], { ...task, keep: false });
  assert.deepEqual(log.slice(5), ["work on cpu", "close cpu 2"], "the same engine");
});

Deno.test("Engines closes an engine that has waited for long, but none at work, and opens another for the next task", async () => {
  const { log, open, closed } = recorder();
  const engines = new Engines({ open, idleMs: 20 });
  const run = (provider: Provider, keep: boolean, work = name) =>
    engines.run([provider], { work, keep, onFallback: unexpected });
  await run("cpu", true);
  await run("cpu", true, async (engine) => {
    const idle = closed("wasm 2");
    await run("wasm", true);
    await idle;
    return await name(engine);
  });
  assert.deepEqual(log, ["open cpu 1", "open wasm 2", "close wasm 2"], "the engine at work has outlived a waiting one");
  await closed("cpu 1");
  await run("cpu", false);
  assert.deepEqual(log.slice(3), ["close cpu 1", "open cpu 3", "close cpu 3"]);
});
