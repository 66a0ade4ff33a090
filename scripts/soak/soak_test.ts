/** The short form of `deno task soak`: a real service with fake tasks, everything but the times is asserted. */
import assert from "node:assert/strict";
import { image } from "../../src/server/testing/fake_tasks.ts";
import { Random } from "../../src/tensor/mod.ts";
import { withProcess } from "./service.ts";
import { soak } from "./soak.ts";

Deno.test({
  name: "a mixed load with broken clients, hostile bodies and killed children leaves nothing behind" +
    (Deno.build.os === "linux" ? "" : ", skipped: it reads /proc"),
  ignore: Deno.build.os !== "linux",
  async fn() {
    const report = await withProcess((place) =>
      soak(place, {
        seconds: 20,
        clients: 4,
        random: new Random(19),
        load: { volume: image(), model: "tumour", modalities: ["t1", "flair"] },
      }), { fake: true });
    const text = JSON.stringify(report);
    assert.ok(report.requests >= 5, text); // a busy machine does little in this time
    assert.equal(report.probe.failed, 0, text);
    assert.equal(report.spoolLeft, 0, text);
    assert.ok(report.handles.after <= report.handles.before + 8, text); // children of their own time come and go
    assert.ok(report.memoryMb.growth < 200, text);
    assert.ok((report.statuses[200] ?? 0) > 0, text);
    assert.ok((report.statuses[400] ?? 0) + (report.statuses[422] ?? 0) > 0, text);
    const allowed = (status: string) => Number(status) < 500 || status === "503" || status === "500"; // a killed child
    assert.ok(Object.keys(report.statuses).every(allowed), text);
  },
});
