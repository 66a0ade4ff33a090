/**
 * The short form of `deno task soak`: a real service with fake tasks. What a busy machine may not come to in this time, such
 * as a kill or a training, is not asserted.
 */
import assert from "node:assert/strict";
import { Random } from "../../src/tensor/mod.ts";
import { brokenBounds, brokenTimes, type Soaked } from "./bounds.ts";
import { fakeLoad } from "./load.ts";
import { withProcess } from "./service.ts";
import { soak } from "./soak.ts";

Deno.test({
  name: "a mixed load with broken clients, hostile bodies and killed children leaves nothing behind" +
    (Deno.build.os === "linux" ? "" : ", skipped: it reads /proc"),
  ignore: Deno.build.os !== "linux",
  async fn() {
    const load = await fakeLoad();
    const report = await withProcess(
      (place) => soak(place, { seconds: 15, clients: 4, random: new Random(19), load, settleSeconds: 5 }),
      { fake: true },
    );
    const text = JSON.stringify(report), { handles } = report.after;
    assert.deepEqual([report.probe.failed, report.exitCode], [0, 0], text);
    assert.deepEqual([report.leftBehind, report.temporaryLeft], [[], []], text);
    assert.ok(report.memoryGrowthMb < 200, text);
    assert.ok(handles.tables > 50, text);
    // connections may be closing yet: here only a handle lost with every request shows
    assert.ok(handles.files + handles.sockets <= report.before.handles.files + report.requests, text);
    // the fake reads JSON where a real task reads a volume
    assert.deepEqual(report.wrong.filter((reply) => !reply.startsWith("hostile: voxels of centimetres")), [], text);
    assert.ok(report.requests > 0 && report.brokenOff > 0, text);
    // the same figures, worse: every bound can be broken
    const worse: Soaked = {
      ...report,
      statuses: {},
      wrong: ["segment: 500"],
      killed: 0,
      kills: { ...report.kills, unrecovered: 1 },
      probe: { ...report.probe, failed: 1, p99Ms: 101, maxMs: 1001 },
      memoryGrowthMb: 101,
      after: { ...report.after, handles: { ...report.before.handles, files: report.before.handles.files + 1 } },
      leftBehind: ["spool/a/b"],
      exitCode: 1,
      temporaryLeft: ["a"],
    };
    assert.equal(brokenBounds(worse).length, 9 + 8);
    assert.equal(brokenTimes(worse).length, 2);
  },
});
