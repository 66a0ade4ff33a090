import assert from "node:assert/strict";
import { children, lives } from "../../process/testing/lives.ts";
import { encodeModel, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { EngineError } from "../errors.ts";
import { DeviceEngine } from "./device_engine.ts";
import { Borrowed, DEVICE, Lender } from "./lending.ts";

const X = tensor("float32", [3], [1, -2, 3]);

function negation(): Uint8Array {
  const b = new GraphBuilder();
  return encodeModel(b.build("neg", { y: b.op.Neg(b.input("x", { dtype: "float32", shape: [3] })) }));
}

/** A lender and its borrower in one process; what they say to each other passes as JSON. */
async function lending(work: (pair: { borrowed: Borrowed; lender: Lender; spool: string }) => Promise<void>) {
  const spool = await Deno.makeTempDir();
  const lender: Lender = new Lender({
    models: [],
    spool,
    borrower: () => Deno.pid,
    onStarted: (device) => borrowed.started(device),
  });
  const borrowed = new Borrowed(async (method, params) => {
    assert.equal(method, DEVICE);
    return JSON.parse(JSON.stringify(await lender.answer(JSON.parse(JSON.stringify(params)))));
  });
  try {
    await work({ borrowed, lender, spool });
  } finally {
    await lender.close();
    await Deno.remove(spool, { recursive: true });
  }
}

const crashed = (e: unknown) => e instanceof EngineError && e.code === "crashed";

Deno.test("a borrowed device runs graphs, reports when it begins, and knows both peaks", () =>
  lending(async ({ borrowed, spool }) => {
    const engine = await DeviceEngine.open("cpu", { start: borrowed.start, spoolDirectory: spool });
    assert.match(engine.deviceName, /threads$/);
    const session = await engine.load(negation());
    let begun = 0;
    const { y } = await session.run({ x: X }, { onStart: () => begun++ });
    assert.deepEqual([[...y.data], begun], [[-1, 2, -3], 1]);
    await engine.put("kept", X);
    assert.deepEqual(await engine.get("kept"), X);
    if (Deno.build.os === "linux") {
      assert.ok(await engine.peakBytes() > 2 ** 24 && await engine.userPeakBytes() > 2 ** 24);
    }
    await engine.close();
    assert.deepEqual([...Deno.readDirSync(spool)], []);
    await assert.rejects(engine.load(negation()), { code: "closed" });
  }));

Deno.test("a borrowed device that ends between calls takes no call for what it held, and then loads again", {
  ignore: Deno.build.os !== "linux",
}, () =>
  lending(async ({ borrowed, spool }) => {
    const before = children();
    const engine = await DeviceEngine.open("cpu", { start: borrowed.start, spoolDirectory: spool });
    const [pid] = children().filter((each) => !before.includes(each));
    const session = await engine.load(negation());
    await engine.put("kept", X);
    Deno.kill(pid, "SIGKILL");
    while (lives(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    // the borrower has heard of nothing yet
    await assert.rejects(session.run({ x: X }), crashed);
    await assert.rejects(engine.get("kept"), crashed);
    const again = await engine.load(negation());
    assert.deepEqual([...(await again.run({ x: X })).y.data], [-1, 2, -3]);
    await assert.rejects(session.run({ x: X }), crashed, "its number may be another session's by now");
    await engine.close();
  }));

Deno.test("Lender refuses a device that would write elsewhere, and ends what its borrower leaves", () =>
  lending(async ({ borrowed, lender, spool }) => {
    const other = await Deno.makeTempDir();
    await assert.rejects(
      DeviceEngine.open("cpu", { start: borrowed.start, spoolDirectory: other }),
      new TypeError("Cannot start a device: expected its folder in the spool of its worker"),
    );
    await Deno.remove(other, { recursive: true });
    const engine = await DeviceEngine.open("cpu", { start: borrowed.start, spoolDirectory: spool });
    await lender.close();
    await assert.rejects(engine.load(negation()), { code: "closed" });
    await engine.close(); // its timers end
  }));

Deno.test("a device's process is started with the permissions that its runtime was found to need, and no others", {
  ignore: Deno.build.os !== "linux",
}, () =>
  lending(async ({ borrowed, spool }) => {
    const needed = {
      cpu: ["--allow-ffi", "--allow-env=USER,NODE_PG_FORCE_NATIVE,SULCUS_WORK_*", "--allow-sys=systemMemoryInfo,cpus"],
      wasm: ["--allow-env", "--allow-sys=systemMemoryInfo"], // its threads copy all variables
    } as const;
    for (const provider of ["cpu", "wasm"] as const) {
      const before = children();
      const engine = await DeviceEngine.open(provider, { start: borrowed.start, spoolDirectory: spool });
      try {
        const [pid] = children().filter((each) => !before.includes(each));
        const flags = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0").filter((word) =>
          word.startsWith("--")
        );
        const files = ["--allow-read=", "--allow-write="],
          isOfFiles = (flag: string) => files.some((f) => flag.startsWith(f));
        const { length } = flags.filter(isOfFiles);
        assert.equal(length, files.length, provider);
        const others = flags.filter((flag) => !isOfFiles(flag) && !/^--(quiet|v8-flags=.*)$/.test(flag));
        assert.deepEqual(others, [...needed[provider], "--no-prompt"], provider);
        const { y } = await (await engine.load(negation())).run({ x: X });
        assert.deepEqual([...y.data], [-1, 2, -3]);
      } finally {
        await engine.close();
      }
    }
  }));
