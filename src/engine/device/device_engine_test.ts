import assert from "node:assert/strict";
import { tensor } from "../../tensor/tensor.ts";
import { foreignModel } from "../../../tests/testing/onnx_model.ts";
import { slowFeeds, slowModel } from "../testing/slow_model.ts";
import { lives } from "../../process/testing/lives.ts";
import { DeviceEngine, EngineError, type EngineErrorCode, type Session } from "../mod.ts";
import type { Peaks } from "../testing/peaks.ts";

const X = { dtype: "float32", shape: [4] } as const;
const NEG = foreignModel({
  inputs: { x: X },
  outputs: { y: X },
  nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
});
const x = tensor("float32", [4], [1, 2, 3, 4]);

async function withEngine(work: (engine: DeviceEngine) => Promise<void>): Promise<void> {
  const engine = await DeviceEngine.open("cpu");
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const rejects = (promise: Promise<unknown>, code: EngineErrorCode, message: RegExp) =>
  assert.rejects(promise, (e) => e instanceof EngineError && e.code === code && message.test(e.message));

/** A slow run, and when the device begins it. */
function begin(session: Session): { run: Promise<unknown>; started: Promise<void> } {
  const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
  return { run: session.run(slowFeeds(), { onStart }), started };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const linux = Deno.build.os === "linux";

Deno.test("a device process sends nothing to the vendor of its runtime: its reports, which begin as files, are off", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // a process of its own, since tests of other files share this one's environment
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", import.meta.resolve("../testing/quiet_parent.ts")],
      env: { TMPDIR: folder, ORT_DISABLE_TELEMETRY: "0" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assert.deepEqual(files.filter((name) => name === ".ses" || name.startsWith("mat-debug")), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("DeviceEngine rejects with 'crashed' when its child is killed in a run, then loads again", () =>
  withEngine(async (engine) => {
    const session = await engine.load(slowModel(5000), { optimization: "disabled" });
    await engine.put("w", x);
    const { pid } = engine;
    const { run, started } = begin(session);
    const ended = rejects(run, "crashed", /^The cpu device process ended unexpectedly with signal/);
    await started;
    Deno.kill(pid!, "SIGKILL");
    await ended;
    await rejects(session.run(slowFeeds()), "crashed", /its device process ended, load the model again$/);

    const again = await engine.load(NEG);
    assert.notEqual(engine.pid, pid);
    assert.deepEqual((await again.run({ x })).y.data, Float32Array.of(-1, -2, -3, -4));
    await rejects(session.run(slowFeeds()), "crashed", /its device process ended, load the model again$/);
    await rejects(engine.get("w"), "crashed", /^Cannot use resident "w": it was lost when its device process ended$/);
    await session.release();
    await engine.drop("w");
  }));

Deno.test("DeviceEngine stops a run at its time-out, then loads again", () =>
  withEngine(async (engine) => {
    const session = await engine.load(slowModel(5000), { optimization: "disabled" });
    const started = performance.now();
    const run = session.run(slowFeeds(), { timeoutMs: 300 });
    await rejects(run, "timeout", /^The cpu device process was stopped: "run" took longer than 300 ms$/);
    assert.ok(performance.now() - started < 5000);
    assert.deepEqual(Object.keys((await engine.load(NEG)).outputs), ["y"]);
  }));

Deno.test({
  name: `DeviceEngine returns memory when no call follows${linux ? "" : " (skipped: only Linux reports it)"}`,
  ignore: !linux,
  fn: () =>
    withEngine(async (engine) => {
      const open = { dtype: "float32", shape: [-1] } as const;
      const inputs = { x: open }, outputs = { y: open };
      const session = await engine.load(
        foreignModel({ inputs, outputs, nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }] }),
      );
      const heldBytes = () =>
        1024 * Number(Deno.readTextFileSync(`/proc/${engine.pid}/status`).match(/^VmRSS:\s+(\d+) kB/m)![1]);
      const before = heldBytes();
      await session.run({ x: tensor("float32", [2 ** 24], new Float32Array(2 ** 24)) });
      const after = heldBytes();
      assert.ok(after - before > 60e6, `${before} to ${after} bytes: nothing to return`);
      for (let waited = 0; heldBytes() - before > 20e6; waited += 100) {
        assert.ok(waited < 20_000, `${before} bytes before, ${heldBytes()} at rest`);
        await sleep(100);
      }
      assert.equal((await session.run({ x })).y.data[3], -4);
    }),
});

Deno.test("DeviceEngine does not block its parent's event loop in a run", () =>
  withEngine(async (engine) => {
    const session = await engine.load(slowModel(60), { optimization: "disabled" });
    let [ticks, gapMs, last] = [0, 0, performance.now()];
    const timer = setInterval(() => {
      const now = performance.now();
      [ticks, gapMs, last] = [ticks + 1, Math.max(gapMs, now - last), now];
    }, 5);
    const started = performance.now();
    await session.run(slowFeeds());
    const tookMs = performance.now() - started;
    clearInterval(timer);
    assert.ok(tookMs > 300 && ticks > 10, `the run of ${tookMs} ms was too short to judge`);
    assert.ok(gapMs < 250, `largest gap ${gapMs} ms in a run of ${tookMs} ms`);
  }));

Deno.test({
  name: "DeviceEngine's child ends with its killed parent, even inside a run, and removes the spool",
  ignore: !linux,
  async fn() {
    const spool = await Deno.makeTempDir();
    const parent = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", import.meta.resolve("../testing/orphan_parent.ts"), spool],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = parent.stdout.getReader();
    const child = Number(new TextDecoder().decode((await reader.read()).value));
    assert.ok(lives(child));
    assert.equal([...Deno.readDirSync(spool)].length, 1);
    parent.kill("SIGKILL");
    await parent.status;
    await reader.cancel();
    for (let i = 0; i < 100 && lives(child); i++) await sleep(20);
    assert.equal(lives(child), false);
    assert.deepEqual([...Deno.readDirSync(spool)], []);
    await Deno.remove(spool);
  },
});

Deno.test("DeviceEngine runs calls one after the other in the order of asking", () =>
  withEngine(async (engine) => {
    const session = await engine.load(NEG);
    const [, once, twice] = await Promise.all([
      engine.put("r", x),
      session.run({ x: { resident: "r" } }, { keep: { y: "r" }, fetch: ["y"] }),
      session.run({ x: { resident: "r" } }),
    ]);
    assert.deepEqual(once.y.data, Float32Array.of(-1, -2, -3, -4));
    assert.deepEqual(twice.y.data, x.data);
  }));

Deno.test("DeviceEngine.load() takes a file and a relative path, and names no path when it fails", () =>
  withEngine(async (engine) => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/Smith John.onnx`;
    await Deno.writeFile(path, NEG);
    assert.deepEqual((await engine.load({ path })).inputs, { x: X });
    await Deno.writeFile(path, NEG.slice(0, 40));
    await assert.rejects(engine.load({ path }), (e) => e instanceof EngineError && !/Smith|\/tmp/.test(e.message));
    await Deno.remove(folder, { recursive: true });
    await assert.rejects(engine.load({ path }), (e) => e instanceof EngineError && !/Smith|\/tmp/.test(e.message));
  }));

Deno.test({
  name: "DeviceEngine.peakBytes() returns the child's highest size",
  ignore: !linux,
  fn: () =>
    withEngine(async (engine) => {
      const before = await engine.peakBytes();
      const bytes = 64 * 2 ** 20;
      await engine.put("large", tensor("uint8", [bytes], new Uint8Array(bytes).fill(1)));
      await engine.drop("large");
      const grown = await engine.peakBytes() - before;
      assert.ok(grown > 0.9 * bytes, `grew by ${grown} bytes for a tensor of ${bytes}`);
    }),
});

Deno.test({
  name: "peakOfWork() counts what this process holds beside the device process, and forgets it for the next work",
  ignore: !linux,
  async fn() {
    const bytes = 500e6;
    const program = import.meta.resolve("../testing/peaks.ts");
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", program, String(bytes)] })
      .output();
    const { before, held, device, after, next }: Peaks = JSON.parse(new TextDecoder().decode(stdout));
    assert.ok(held >= bytes && held - before >= 0.99 * bytes, `${held} bytes, ${before} before the array`);
    assert.ok(device < bytes, "the device process holds none of it");
    assert.ok(after >= 0.99 * held, `a peak stays: ${after} bytes after ${held}`);
    assert.ok(held - next >= 0.99 * bytes, `${next} bytes after ${held}`);
  },
});

Deno.test("DeviceEngine.close() ends the child, rejects what waits and leaves no file", async () => {
  const spoolDirectory = await Deno.makeTempDir();
  const engine = await DeviceEngine.open("cpu", { spoolDirectory });
  const session = await engine.load(slowModel(5000), { optimization: "disabled" });
  const { pid } = engine;
  const { run, started } = begin(session);
  const ended = rejects(run, "closed", /^The cpu engine has been closed$/);
  const waiting = rejects(engine.load(NEG), "closed", /^The cpu engine has been closed$/);
  await started;
  await engine.close();
  await Promise.all([ended, waiting]);
  assert.equal(linux && lives(pid!), false);
  await rejects(session.run(slowFeeds()), "closed", /^The cpu engine has been closed$/);
  assert.deepEqual([...Deno.readDirSync(spoolDirectory)], []);
  await Deno.remove(spoolDirectory);
});
