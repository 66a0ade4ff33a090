/** The peers' side of a run with a stand-in for Python, which answers what was prepared. */
import assert from "node:assert/strict";
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inFolder, optionsOf, writeHippocampi } from "../testing/fixtures.ts";
import { hippocampus } from "../plans/hippocampus.ts";
import { RunCache } from "../runs/runs.ts";
import type { SegmentationResult } from "./scoring.ts";

const ignore = Deno.build.os === "windows";

/** A program of the shell that stands for Python. */
async function standIn(folder: string, words: string): Promise<string> {
  const path = join(folder, "python");
  await writeFile(path, `#!/bin/sh\n${words}\n`);
  await chmod(path, 0o755);
  return path;
}

Deno.test({
  name: "segmentationPeer() hands the split and the budget over, and scores the masks on the files' grids",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await writeHippocampi(folder, [3, 4, 7, 8, 9, 12]);
      const held = join(folder, "hippocampus", "labels", "hippocampus_003.nii.gz");
      await copyFile(held, join(folder, "perfect.nii.gz"));
      const reply = { trainSeconds: 4.5, updates: 9, peakBytes: 1e9, device: "cpu", versions: { torch: "2" } };
      await writeFile(join(folder, "reply.json"), JSON.stringify(reply));
      const python = await standIn(
        folder,
        `work=$(dirname "$2"); cp "$2" ${folder}/seen.json; cp ${folder}/reply.json "$work"\n` +
          `for i in 0 1; do cp ${folder}/perfect.nii.gz "$work/masks/$i.nii.gz"; done`,
      );
      const budget = { seconds: 90, on: { provider: "cpu", threads: 2 } } as const;
      const asked = optionsOf({ data: folder, variants: ["peer-dynunet"], labelled: [2], budget, python });
      const { rows: [{ runs: [run], combine }] } = await hippocampus(asked);
      const cache = new RunCache(join(folder, "work"), { provider: "cpu", threads: 2 });
      const result = (await cache.perform(run)).result as SegmentationResult;
      const { peer, seconds, threads, regions, train, test } = JSON.parse(
        await Deno.readTextFile(join(folder, "seen.json")),
      );
      assert.deepEqual([peer, seconds, threads, train.length, test.length], ["dynunet", 90, 2, 2, 2]);
      assert.deepEqual(regions, [{ value: 1, from: [1] }, { value: 2, from: [2] }]);
      assert.equal(test[0].label, held);
      assert.deepEqual(result.cost, { trainSeconds: 4.5, updates: 9, peakBytes: 1e9 });
      assert.equal(combine([result]).values.dice, 1);
    }),
});

Deno.test({
  name: "segmentationPeer() fails with the program's last words",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await writeHippocampi(folder, [3, 4, 7]);
      const python = await standIn(folder, 'echo "No module named monai" >&2; exit 3');
      const plan = await hippocampus(optionsOf({ data: folder, variants: ["peer-resunet"], python }));
      await assert.rejects(new RunCache(join(folder, "work")).perform(plan.rows[0].runs[0]), {
        message: "Cannot train the peer: the program ended with 3: No module named monai",
      });
    }),
});
