import assert from "node:assert/strict";
import { ProcessError, type ProcessErrorCode, RemoteError, Supervisor, type SupervisorOptions } from "./mod.ts";

const module = import.meta.resolve("./testing/echo_child.ts");

async function withChild(work: (child: Supervisor) => Promise<void>, options: Partial<SupervisorOptions> = {}) {
  const child = new Supervisor({ title: "the echo process", module, ...options });
  try {
    await work(child);
  } finally {
    await child.close();
  }
}

const rejects = (promise: Promise<unknown>, code: ProcessErrorCode, message: RegExp) =>
  assert.rejects(promise, (e) => e instanceof ProcessError && e.code === code && message.test(e.message));

Deno.test("Supervisor.call() answers calls side by side, whatever their order of completion", () =>
  withChild(async (child) => {
    const order: string[] = [];
    await Promise.all([
      child.call("wait").then(() => order.push("slow")),
      child.call("echo", "é\n").then((reply) => order.push(String(reply))).then(() => child.call("wake")),
    ]);
    assert.deepEqual(order, ["é\n", "slow"]);
    const large = "x".repeat(1_000_000);
    assert.equal(await child.call("echo", large), large);
    assert.equal(await child.call("echo"), null);
  }));

const isLinux = Deno.build.os === "linux";

Deno.test({
  name: `every thread of a child comes after its parent${isLinux ? "" : " (skipped: /proc is Linux's)"}`,
  ignore: !isLinux,
  fn: () =>
    withChild(async (child) => {
      await child.call("echo");
      // field 19 of the line, the 17th after the name in parentheses
      const niceOf = (task: string) => Number(Deno.readTextFileSync(task).split(") ").at(-1)!.split(" ")[16]);
      const own = niceOf("/proc/self/stat");
      const tasks = [...Deno.readDirSync(`/proc/${child.pid}/task`)].map(({ name }) => name);
      const found = tasks.map((id) => niceOf(`/proc/${child.pid}/task/${id}/stat`));
      assert.ok(found.length > 1 && found.every((nice) => nice === Math.max(own, 10)), `${own}: ${found}`);
    }),
});

Deno.test("Supervisor.call() rejects with the child's error and keeps the child", () =>
  withChild(async (child) => {
    await assert.rejects(child.call("throwRange"), new RangeError("too far"));
    await assert.rejects(
      child.call("throwOdd"),
      (e) => e instanceof RemoteError && e.name === "OddError" && e.code === "odd" && e.message === "it is odd",
    );
    await assert.rejects(child.call("toString"), /Cannot call "toString": no such method/);
    await child.call("print");
    assert.equal(child.generation, 0);
  }));

Deno.test("Supervisor.call() rejects all pending calls when the child ends, and starts another", () =>
  withChild(async (child) => {
    const pending = child.call("sleep", { ms: 60_000 });
    const expected = /^The echo process ended unexpectedly with exit code 3$/;
    await Promise.all([
      rejects(pending, "crashed", expected),
      rejects(child.call("exit", { code: 3 }), "crashed", expected),
    ]);
    assert.equal(child.pid, undefined);
    assert.equal(await child.call("echo", 1), 1);
    assert.equal(child.generation, 1);
  }));

Deno.test("Supervisor.call() says that a SIGKILL may mean lack of memory", () =>
  withChild(async (child) => {
    await child.start();
    const pending = child.call("sleep", { ms: 60_000 });
    Deno.kill(child.pid!, "SIGKILL");
    await rejects(pending, "crashed", /signal SIGKILL, perhaps killed by the system for lack of memory$/);
  }));

Deno.test("Supervisor.call() reads out-of-memory from the child's last words, and repeats none of them", () =>
  withChild(async (child) => {
    await rejects(
      child.call("complain", { text: "std::bad_alloc while reading /data/Smith^John.nii" }),
      "out-of-memory",
      /^The echo process ran out of memory and ended with exit code 134$/,
    );
  }));

Deno.test("Supervisor.call() does not count time in which this thread could read no answer", () =>
  withChild(async (child) => {
    await child.start();
    const call = child.call("echo", 1, { timeoutMs: 300 });
    await new Promise((resolve) => setTimeout(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    assert.equal(await call, 1);
    assert.equal(child.generation, 0);
  }));

Deno.test("Supervisor.call() kills a blocked child at its time-out", () =>
  withChild(async (child) => {
    await child.start();
    const { pid } = child;
    const started = performance.now();
    const call = child.call("block", { ms: 60_000 }, { timeoutMs: 300 });
    await rejects(call, "timeout", /^The echo process was stopped: "block" took longer than 300 ms$/);
    assert.ok(performance.now() - started < 5000);
    assert.equal(await child.call("echo", 2), 2);
    assert.notEqual(child.pid, pid);
  }));

Deno.test("Supervisor.call() waits longer before each restart in a row", () =>
  withChild(async (child) => {
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      await child.start();
      delays.push(performance.now() - started);
      await rejects(child.call("exit", { code: 1 }), "crashed", /exit code 1/);
    }
    assert.ok(delays[3] > 200 && delays[4] > 400, `delays of ${delays.map(Math.round)} ms`);
  }));

Deno.test("Supervisor.initialize() runs on every process before any call", async () => {
  const seen: unknown[] = [];
  await withChild(async (child) => {
    await Promise.all([child.call("echo"), child.call("echo")]);
    child.kill();
    await child.call("echo");
    assert.deepEqual(seen, ["a", "a"]);
  }, { initialize: async (call) => void seen.push(await call("echo", "a")) });
});

Deno.test("Supervisor.start() throws what initialize() throws, and tries again on the next call", async () => {
  let fails = true;
  await withChild(async (child) => {
    await assert.rejects(child.start(), { name: "OddError", code: "odd" });
    fails = false;
    assert.equal(await child.call("echo", 1), 1);
  }, { initialize: async (call) => void (fails && await call("throwOdd")) });
});

Deno.test("Supervisor.start() limits the time to the child's first word", () =>
  withChild(async (child) => {
    await rejects(child.start(), "timeout", /^The echo process was stopped: starting took longer than 1 ms$/);
  }, { startTimeoutMs: 1 }));

Deno.test("Supervisor.onEvent() receives events while the child is blocked", async () => {
  const events = Promise.withResolvers<string>();
  await withChild(async (child) => {
    const blocked = child.call("block", { ms: 500 }).then(() => "unblocked");
    assert.equal(await Promise.race([events.promise, blocked]), "blocking");
    await blocked;
  }, { onEvent: events.resolve });
});

Deno.test("Supervisor.close() ends even a blocked child, and later calls reject", async () => {
  const events = Promise.withResolvers<string>();
  const child = new Supervisor({ title: "the echo process", module, graceMs: 200, onEvent: events.resolve });
  const blocked = rejects(child.call("block", { ms: 60_000 }), "closed", /^The echo process has been closed$/);
  await events.promise;
  const { pid } = child;
  await child.close();
  await blocked;
  assert.throws(() => Deno.kill(pid!, "SIGCONT"), Deno.errors.NotFound);
  await rejects(child.call("echo"), "closed", /has been closed/);
  await child.close();
});
