import assert from "node:assert/strict";
import type { Device } from "../../engine/mod.ts";
import { DeviceState } from "./devices.ts";

const cpu = (state: Device["state"]): Device => ({ provider: "cpu", name: "A CPU", state });

/** A state whose probes find `found`, one after the other, and how many there were. */
function stateOf(found: readonly (Device | Error)[], againMs: number) {
  const asked = { probes: 0 };
  const devices = new DeviceState(() => {
    const next = found[asked.probes++];
    return next instanceof Error ? Promise.reject(next) : Promise.resolve([next]);
  }, { againMs });
  return { devices, asked };
}

Deno.test("DeviceState looks again for a device that was not ready, and no more once it is", async () => {
  const { devices, asked } = stateOf([cpu("failed"), cpu("ready")], 0);
  assert.equal(devices.ready("cpu"), undefined);
  await devices.list(1000);
  assert.equal(devices.ready("cpu"), false); // begins the second probe
  await devices.list(1000);
  assert.equal(devices.ready("cpu"), true);
  assert.equal(devices.ready("auto"), true);
  assert.equal(asked.probes, 2);
});

Deno.test("DeviceState waits before it looks again, and survives a probe that throws", async () => {
  const { devices, asked } = stateOf([new Error("no process"), cpu("ready")], 60_000);
  const [first] = await devices.list(1000);
  assert.deepEqual([first.state, first.reason], ["failed", "It could not be probed"]);
  assert.equal(devices.ready("auto"), false);
  assert.equal(devices.ready("auto"), false);
  assert.equal(asked.probes, 1);
});
