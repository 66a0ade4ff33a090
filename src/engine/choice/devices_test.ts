import assert from "node:assert/strict";
import { dirname } from "node:path";
import { tensor } from "../../tensor/tensor.ts";
import { costTable, costTablePath, type WorkTimes } from "../calibration/cost_table.ts";
import { precisionOf } from "../providers/table.ts";
import { Devices, type Engine, EngineError, type Provider, PROVIDERS, type Work } from "../mod.ts";
import { selfCheck } from "./self_check.ts";

const devices = new Devices();

Deno.test("Devices.probe() reports every provider's state, and a reason where it is not ready", async () => {
  const found = await devices.probe();
  assert.deepEqual(found.map(({ provider }) => provider), PROVIDERS);
  for (const { provider, state, reason } of found) {
    if (provider === "cpu" || provider === "wasm") assert.equal(state, "ready", reason ?? provider);
    if (state !== "ready") assert.match(reason!, /^Cannot use|^The /);
  }
});

Deno.test("Devices.open('auto') takes a ready device that is no software adapter", async () => {
  const engine = await devices.open("auto");
  const ready = (await devices.probe()).filter(({ state, reason }) =>
    state === "ready" && !reason?.includes("software")
  );
  assert.equal(engine.provider, ready[0].provider);
  await engine.close();
});

Deno.test("Devices.ready('auto') are those that passed and are no software adapter, without spares beside cpu", async () => {
  const ready = (await devices.probe()).filter(({ provider, state, reason }) =>
    state === "ready" && !reason?.includes("software") && provider !== "openvino" && provider !== "wasm"
  );
  assert.deepEqual(await Array.fromAsync(devices.ready("auto")), ready.map(({ provider }) => provider));
  assert.deepEqual(await Array.fromAsync(devices.ready("wasm")), ["wasm"]);
});

Deno.test("Devices.ready('auto') takes a spare provider first where a calibration measured it to be faster", async () => {
  const usual = await Array.fromAsync(devices.ready("auto"));
  const dataDirectory = await Deno.makeTempDir();
  const nameOf = new Map((await devices.probe()).map(({ provider, name }) => [provider, name]));
  const write = async (provider: Provider, times: WorkTimes, deviceName = nameOf.get(provider)!) => {
    const path = costTablePath(dataDirectory, provider);
    await Deno.mkdir(dirname(path), { recursive: true });
    const table = costTable({ provider, deviceName, precision: precisionOf(provider) }, {}, times);
    await Deno.writeTextFile(path, JSON.stringify(table));
  };
  const order = (work: Work) => Array.fromAsync(devices.ready("auto", { work, dataDirectory }));
  // wasm, a spare one that every machine has
  const first = usual.flatMap((provider) => provider === "cpu" ? ["wasm", "cpu"] : [provider]);
  assert.deepEqual(await order("inference"), usual, "nothing was measured");
  await write("wasm", { inference: 10, training: 30 });
  assert.deepEqual(await order("inference"), usual, "cpu was not measured");
  await write("cpu", { inference: 20, training: 20 });
  assert.deepEqual(await order("inference"), first);
  assert.deepEqual(await order("training"), usual, "slower at this work");
  await write("wasm", { inference: 20, training: 20 });
  assert.deepEqual(await order("inference"), usual, "no faster");
  await write("wasm", { inference: 10 }, "Another");
  assert.deepEqual(await order("inference"), usual, "measured on another device");
  assert.deepEqual(await Array.fromAsync(devices.ready("wasm", { work: "inference", dataDirectory })), ["wasm"]);
  await Deno.remove(dataDirectory, { recursive: true });
});

Deno.test("Devices.rivals() are the providers between which calibrated times decide", async () => {
  const [first] = await Array.fromAsync(devices.ready("auto"));
  const isReady = (await devices.probe()).some(({ provider, state }) => provider === "openvino" && state === "ready");
  assert.deepEqual(await devices.rivals("auto"), first === "cpu" && isReady ? ["cpu", "openvino"] : [first]);
  assert.deepEqual(await devices.rivals("wasm"), ["wasm"]);
});

for (const { provider, state, reason } of await devices.probe()) {
  Deno.test({
    name: `Devices.open() refuses ${provider} with the probe's reason${state === "ready" ? " (it is ready here)" : ""}`,
    ignore: state === "ready",
    fn: () =>
      assert.rejects(
        devices.open(provider),
        (e) => e instanceof EngineError && e.code === "unsupported" && e.message.endsWith(`${provider}: ${reason}`),
      ),
  });
}

Deno.test("Devices.open() passes its options on", async () => {
  const engine = await devices.open("cpu", { threads: 1 });
  assert.match(engine.deviceName, /, 1 threads?$/);
  await engine.close();
});

Deno.test("selfCheck() fails on a device that computes wrongly", async () => {
  const y = tensor("float32", [3, 2], [0, 0, 0, 0, 0, 0]);
  const liar = { load: () => Promise.resolve({ run: () => Promise.resolve({ y }), release: () => {} }) };
  await assert.rejects(
    selfCheck(liar as unknown as Engine),
    (e) => e instanceof EngineError && e.code === "failed" && /^The self-test is wrong: expected \[/.test(e.message),
  );
});
