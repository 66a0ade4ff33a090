import assert from "node:assert/strict";
import { tensor } from "../../tensor/tensor.ts";
import { Devices, type Engine, EngineError, PROVIDERS } from "../mod.ts";
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

Deno.test("Devices.ready('auto') are those that passed and are no software adapter, without wasm beside cpu", async () => {
  const ready = (await devices.probe()).filter(({ provider, state, reason }) =>
    state === "ready" && !reason?.includes("software") && provider !== "wasm"
  );
  assert.deepEqual(await Array.fromAsync(devices.ready("auto")), ready.map(({ provider }) => provider));
  assert.deepEqual(await Array.fromAsync(devices.ready("wasm")), ["wasm"]);
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
