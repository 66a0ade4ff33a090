import assert from "node:assert/strict";
import { DomainError } from "../storage/mod.ts";
import { children } from "./testing/lives.ts";
import { type Bounds, runLimited } from "./limited.ts";
import type { LimitedWish } from "./testing/limited_child.ts";

const BOUNDS: Bounds = { memoryBytes: 256 * 2 ** 20, timeoutMs: 120_000 };

const run = (task: LimitedWish, { reads = [], writes = [], ...bounds }: Partial<Bounds> & {
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
} = {}) =>
  runLimited<LimitedWish, string>(import.meta.resolve("./testing/limited_child.ts"), {
    task,
    reads,
    writes,
    refusal: { code: "invalid-weights", start: "Cannot import the weights" },
    bounds: { ...BOUNDS, ...bounds },
  });

const refuses = (promise: Promise<unknown>, code: string, message: RegExp) =>
  assert.rejects(promise, (e) => e instanceof DomainError && e.code === code && message.test(e.message));

Deno.test("runLimited() returns the answer of its program, and leaves no process", async () => {
  const before = children();
  assert.equal(await run({ does: "echo" }), "echo");
  assert.deepEqual(children().filter((pid) => !before.includes(pid)), []);
});

Deno.test("runLimited() refuses work that takes more memory than its bound, on V8's heap and beside it", async () => {
  const expected = /^Cannot import the weights: it takes more than the 256 MiB of memory that are allowed$/;
  await refuses(run({ does: "heap" }), "too-much-work", expected);
  await refuses(run({ does: "buffers" }), "too-much-work", expected);
});

Deno.test("runLimited() refuses work that takes longer than its bound, also where the program never yields", async () => {
  const expected = /^Cannot import the weights: it takes more than the 5 s that are allowed$/;
  await refuses(run({ does: "spin" }, { timeoutMs: 5000 }), "too-much-work", expected);
});

Deno.test("runLimited() throws the program's refusals, and its own where the program ends unexpectedly", async () => {
  await refuses(run({ does: "refuse" }), "invalid-weights", /they are odd$/);
  await refuses(run({ does: "exit" }), "invalid-weights", /the process that reads it failed$/);
});

Deno.test("runLimited() blames no file where something else ends its process, before or while it reads", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const path = await Deno.makeTempFile(), before = children();
  const isNew = () => children().filter((pid) => !before.includes(pid));
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
  try {
    const whole = (why: string) =>
      new RegExp(`^Cannot import the weights now: the process that reads it ${why}; try again$`);
    const early = refuses(run({ does: "begin", path }, { writes: [path] }), "worker-crashed", whole("did not start"));
    while (isNew().length === 0) await pause();
    Deno.kill(isNew()[0], "SIGKILL");
    await early;
    assert.equal(await Deno.readTextFile(path), "");
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const ends = whole("was ended from outside");
      const late = refuses(run({ does: "begin", path }, { writes: [path] }), "worker-crashed", ends);
      while (await Deno.readTextFile(path) !== "begun") await pause();
      Deno.kill(isNew()[0], signal);
      await late;
      await Deno.writeTextFile(path, "");
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("runLimited() confines its program to the files that it is given, without network and environment", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [path, other, comma] = [`${folder}/one`, `${folder}/other`, `${folder}/a,b`];
    for (const file of [path, other, comma]) await Deno.writeTextFile(file, "content");
    for (const file of [path, comma]) {
      assert.equal(await run({ does: "read", path: file }, { reads: [file] }), "content");
    }
    const denied = { name: "NotCapable" };
    await assert.rejects(run({ does: "read", path: other }, { reads: [path] }), denied);
    await assert.rejects(run({ does: "write", path: other }, { reads: [folder] }), denied);
    assert.equal(await run({ does: "write", path }, { writes: [path] }), "written");
    await assert.rejects(run({ does: "connect" }), denied);
    await assert.rejects(run({ does: "environment" }), denied);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
