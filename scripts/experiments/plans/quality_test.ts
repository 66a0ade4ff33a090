import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { inFolder, optionsOf, writeHippocampi } from "../testing/fixtures.ts";
import { hippocampusQuality, structuresQuality } from "./quality.ts";

Deno.test("hippocampusQuality() damages patients that are not trained on, of the test part for the final figures only", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, [3, 4, 6, 7, 8, 9, 11, 12]);
    const asked = { data: folder, labelled: [2], variants: ["auto", "scratch"], seeds: [0, 1] };
    for (const part of ["test", { fold: 0 }] as const) {
      const { name, rows, metrics } = await hippocampusQuality(optionsOf({ ...asked, part }));
      assert.equal(rows.length, 4);
      assert.match(name, /^hippocampus-quality-2-2u/);
      assert.equal(metrics[0].key, "correlation");
      for (const { runs: [{ kind, settings }] } of rows) {
        const { train, test } = settings as { train: { ids: string[] }; test: { ids: string[] } };
        assert.equal(kind, "quality");
        assert.ok(!test.ids.some((id) => train.ids.includes(id)) && train.ids.length === 2);
        assert.equal(test.ids.every((id) => Number(id.slice(-3)) % 5 === 1), part === "test");
      }
    }
    await assert.rejects(hippocampusQuality(optionsOf({ ...asked, variants: ["peer-dynunet"] })), {
      message: "expected variants of ours for hippocampus-quality-2, got peer-dynunet",
    });
  }));

Deno.test("structuresQuality() trains on heads of other anatomies than it damages", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "anatomies"));
    const { name, notes } = await structuresQuality(optionsOf({ data: folder, variants: ["auto"], part: "test" }));
    assert.equal(name, "structures-quality-28-2u");
    assert.match(
      notes[0],
      /^4 heads of the anatomies 15 and 16 that were not trained on, undamaged and damaged in 19 ways/,
    );
    await assert.rejects(
      structuresQuality(optionsOf({ data: join(folder, "anatomies") })),
      /to hold anatomies, got none/,
    );
  }));
