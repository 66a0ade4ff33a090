import assert from "node:assert/strict";
import { databaseTests } from "../../storage/testing/database.ts";
import { callOf, withBench } from "../testing/server.ts";
import { DeviceMemories, parseNvidia } from "./device_memory.ts";
import { GAUGES } from "./gauges.ts";

const test = databaseTests();

test("/metrics has every gauge, with the queue, the disk, memory and the audit trail's receiver", (database) =>
  withBench(database, async ({ services }) => {
    const call = callOf({
      ...services,
      auditReceiver: { connected: false, behind: () => Promise.resolve(7) },
      deviceMemory: new DeviceMemories({ runTool: () => Promise.resolve("0, 81559, 80913\n") }),
    });
    const text = await (await call("GET", "/metrics")).text();
    for (const { name, help } of GAUGES) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} gauge\n`), name);
      assert.match(text, new RegExp(`^${name}(\\{[^}]*\\})? \\d`, "m"));
    }
    assert.match(text, /^sulcus_audit_waiting 7$/m);
    assert.match(text, /^sulcus_audit_receiver_connected 0$/m);
    assert.match(text, /^sulcus_job_queue_oldest_seconds 0$/m);
    assert.match(text, new RegExp(`^sulcus_device_memory_free_bytes\\{device="cuda:0"\\} ${80913 * 2 ** 20}$`, "m"));
  }));

test("/metrics answers while the database is away, and says so", (database) =>
  withBench(database, async ({ services }) => {
    const { jobs } = services;
    const away = Object.assign(Object.create(jobs), { stats: () => Promise.reject(new Error("away")) });
    const text = await (await callOf({ ...services, jobs: away })("GET", "/metrics")).text();
    assert.match(text, /^sulcus_database_up 0$/m);
    assert.doesNotMatch(text, /^sulcus_jobs\{/m);
    assert.match(text, /^sulcus_disk_free_bytes \d/m);
  }));

Deno.test("DeviceMemories asks the tool at most every ten seconds, and reports the host where there is none", async () => {
  let now = 0, asked = 0;
  const memories = new DeviceMemories({
    now: () => now,
    runTool: () => asked++ < 1 ? Promise.resolve("0, 100, 40") : Promise.reject(new Error("gone")),
  });
  assert.deepEqual((await memories.read()).map(({ device }) => device), ["host", "cuda:0"]);
  now = 9000;
  assert.equal((await memories.read()).length, 2);
  assert.equal(asked, 1);
  now = 11_000;
  const [host, ...others] = await memories.read();
  assert.ok(host.total >= host.free && host.free > 0);
  assert.deepEqual(others, []);
});

Deno.test("parseNvidia() reads MiB, and passes over what it does not know", () => {
  assert.deepEqual(parseNvidia("1, 2, 1\n[N/A], x\n"), [{ device: "cuda:1", total: 2 * 2 ** 20, free: 2 ** 20 }]);
});
