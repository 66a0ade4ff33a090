import assert from "node:assert/strict";
import { inFolder, optionsOf, writeHippocampi } from "../testing/fixtures.ts";
import { hippocampusClass, tercile, tercilesOf } from "./hippocampus_class.ts";

Deno.test("tercile() divides what gave the limits into three of equal size", () => {
  const values = [5, 1, 9, 2, 8, 3, 7, 4, 6], limits = tercilesOf(values);
  assert.deepEqual([...Map.groupBy(values, (v) => tercile(v, limits)).entries()].map(([k, v]) => [k, v.length]), [
    ["middle", 3],
    ["small", 3],
    ["large", 3],
  ]);
});

Deno.test("hippocampusClass() takes images without labels, and no peer that segments", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, [3, 4, 7, 8, 9, 12]);
    const { rows: [{ runs: [run] }] } = await hippocampusClass(optionsOf({ data: folder }));
    assert.equal((run.settings as { classes: string[] }).classes.length, 3);
    await assert.rejects(hippocampusClass(optionsOf({ data: folder, variants: ["peer-dynunet"] })), {
      message: "expected variants of ours or peer-densenet for hippocampus-class-all, got peer-dynunet",
    });
  }));
