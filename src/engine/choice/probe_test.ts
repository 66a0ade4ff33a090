import assert from "node:assert/strict";
import { tensor } from "../../tensor/tensor.ts";
import { type Engine, EngineError, openEngine, probeDevices, PROVIDERS, readyProviders } from "../mod.ts";
import { selfCheck } from "./self_check.ts";

Deno.test("probeDevices() tells every provider's state, and a reason where it is not ready", async () => {
  const devices = await probeDevices();
  assert.deepEqual(devices.map(({ provider }) => provider), PROVIDERS);
  for (const { provider, state, reason } of devices) {
    if (provider === "cpu" || provider === "wasm") assert.equal(state, "ready", reason ?? provider);
    if (state !== "ready") assert.match(reason!, /^Cannot use|^The /);
  }
});

Deno.test("openEngine('auto') takes a ready device that is no software adapter", async () => {
  const engine = await openEngine("auto");
  const ready = (await probeDevices()).filter(({ state, reason }) =>
    state === "ready" && !reason?.includes("software")
  );
  assert.equal(engine.provider, ready[0].provider);
  await engine.close();
});

Deno.test("readyProviders('auto') are those that passed and are no software adapter, without wasm beside cpu", async () => {
  const ready = (await probeDevices()).filter(({ provider, state, reason }) =>
    state === "ready" && !reason?.includes("software") && provider !== "wasm"
  );
  assert.deepEqual(await Array.fromAsync(readyProviders("auto")), ready.map(({ provider }) => provider));
  assert.deepEqual(await Array.fromAsync(readyProviders("wasm")), ["wasm"]);
});

for (const { provider, state, reason } of await probeDevices()) {
  Deno.test({
    name: `openEngine() refuses ${provider} with the probe's reason${state === "ready" ? " (it is ready here)" : ""}`,
    ignore: state === "ready",
    fn: () =>
      assert.rejects(
        openEngine(provider),
        (e) => e instanceof EngineError && e.code === "unsupported" && e.message.endsWith(`${provider}: ${reason}`),
      ),
  });
}

Deno.test("openEngine() passes its options on", async () => {
  const engine = await openEngine("cpu", { threads: 1 });
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
