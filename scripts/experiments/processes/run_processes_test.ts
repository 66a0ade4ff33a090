import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fakeRun, inFolder } from "../testing/fixtures.ts";
import { planOf, type PlanOptions } from "../plans/plans.ts";
import { RunProcesses } from "./run_processes.ts";
import { RunCache } from "../runs/runs.ts";

const OPTIONS: PlanOptions = { seeds: [0], base: "", data: "", smoke: true };

Deno.test("RunProcesses.perform() does a run of a plan in another process, and throws why it cannot", () =>
  inFolder(async (folder) => {
    const device = { provider: "cpu", threads: 1 } as const;
    const processes = new RunProcesses({ workDirectory: folder, options: OPTIONS, device });
    try {
      const { rows } = await planOf("label-efficiency", OPTIONS);
      const phantom = rows[0].runs[0].needs[0];
      const { result, seconds } = await processes.perform("label-efficiency", phantom, () => {});
      assert.deepEqual([result, seconds >= 0], [{}, true]);
      const cache = new RunCache(folder);
      assert.ok(cache.isReady(phantom));
      assert.ok(existsSync(join(cache.outputOf(phantom), "cases", "phantom001", "flair.nii.gz")));
      await assert.rejects(processes.perform("label-efficiency", fakeRun("strange", { done: [] }), () => {}), {
        name: "RangeError",
        message: /^Cannot do run [0-9a-f]{16}: expected one of label-efficiency; did its data change\?$/,
      });
    } finally {
      await processes.close();
    }
  }));
