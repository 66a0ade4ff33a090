import assert from "node:assert/strict";
import { calibrate, type Engine, openEngine } from "../../engine/mod.ts";
import { keepTable } from "./bench.ts";
import { inTemp, run } from "../testing/cli.ts";
import { onDevice } from "../options/device.ts";

Deno.test("bench refuses to run without --calibrate, on an unknown device or without a place for its times", () =>
  inTemp(async (root) => {
    await Deno.writeTextFile(`${root}/file`, "");
    const cases: [string[], string][] = [
      [[], "Cannot run bench: expected --calibrate"],
      [
        ["--calibrate", "--provider", "tpu"],
        'Cannot use --provider: expected one of auto, cuda, webgpu, cpu, openvino, wasm, got "tpu"',
      ],
      [
        ["--calibrate", "--data", `${root}/file`],
        "Cannot use the data directory (SULCUS_DATA, or its flag): expected a folder that can be written (AlreadyExists)",
      ],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await run(["bench", ...argv]);
      assert.deepEqual([code, err.split("\n")[0]], [2, message]);
    }
  }));

Deno.test("bench --help explains what is measured and where it is stored", async () => {
  const { code, out } = await run(["bench", "--help"]);
  assert.equal(code, 0);
  assert.match(out[0], /^sulcus bench: calibrates the device,[^]*\n\nUsage: sulcus bench --calibrate /);
  assert.match(out[0], /--data DIR +Data directory that stores the times/);
});

Deno.test("onDevice() runs with the times that bench kept, and notes why it does not use those of another device", () =>
  inTemp(async (data) => {
    const settings = { provider: "cpu", data } as const;
    const engine = await openEngine("cpu");
    const { table: empty } = await calibrate(engine, { trials: [] });
    await engine.close();
    const kinds = { "a/b": { withoutMs: Infinity, withMs: 2 } };
    const costsOf = (note: (message: string) => void) =>
      onDevice(settings, { note, kind: "inference" }, (engine: Engine) => Promise.resolve(engine.lowering.costs));

    assert.equal(await costsOf(assert.fail), undefined);
    await keepTable({ ...empty, kinds }, data);
    assert.deepEqual(await costsOf(assert.fail), kinds);
    await keepTable({ ...empty, kinds, deviceName: "Another" }, data);
    const notes: string[] = [];
    assert.equal(await costsOf((message) => notes.push(message)), undefined);
    assert.match(notes.join(), /^The calibration of cpu is not used: it was made for Another, this is /);
  }));
