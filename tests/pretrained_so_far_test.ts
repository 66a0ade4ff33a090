/** The package of a pre-training that has not ended. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { openEngine } from "../src/engine/mod.ts";
import { pretrain, pretrainedSoFar, TrainingError } from "../src/train/mod.ts";
import { TINY_PRETRAINING } from "./testing/pretraining.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

Deno.test("pretrainedSoFar() makes a package of the last checkpoint, and refuses where there is none of this training", async () => {
  const engine = await openEngine("cpu");
  try {
    await inFolder(async (folder) => {
      const grid = orientedGrid([25, 25, 25], { spacingMm: [8, 8, 8], originMm: [-96, -96, -96] });
      const { images } = makePhantom({ seed: 1, sizeVox: [25, 25, 25], spacingMm: [8, 8, 8], lesions: 1 });
      const t1 = await writeVolume(join(folder, "t1.nii"), grid, images.t1);
      const flair = await writeVolume(join(folder, "flair.nii"), grid, images.flair);
      const outputDirectory = join(folder, "output"), stop = new AbortController();
      const request = {
        cases: [{ id: "a", images: { t1, flair } }, { id: "b", images: { t1 } }],
        recipe: TINY_PRETRAINING,
        workDirectory: join(folder, "work"),
        outputDirectory,
        engine,
        onEvent: () => {},
      };
      const refused = (got: string) => (error: unknown) => {
        assert.ok(error instanceof TrainingError && error.code === "invalid-data", String(error));
        assert.ok(error.message.endsWith(`in its work folder, got ${got}`), error.message);
        return true;
      };
      await assert.rejects(pretrainedSoFar(request), refused("none"));
      await assert.rejects(
        pretrain({
          ...request,
          signal: stop.signal,
          onEvent: (event) => event.type === "progress" && event.step === 4 && stop.abort(),
        }),
        (error) => error instanceof TrainingError && error.code === "cancelled",
      );
      const { updates, metrics, spec } = await pretrainedSoFar(request);
      assert.deepEqual([updates, spec.task, spec.preprocessing.percentilesOver], [4, "encoder", "foreground"]);
      assert.ok(metrics.md! > 0, JSON.stringify(metrics));
      assert.deepEqual(await readdir(join(outputDirectory, "templates")), ["flair.nii.gz", "t1.nii.gz"]);
      const { curves } = JSON.parse(await readFile(join(outputDirectory, "report.json"), "utf8"));
      assert.equal(curves.md.length, 4);
      const other = { ...request, recipe: { ...TINY_PRETRAINING, seed: 5 } };
      await assert.rejects(pretrainedSoFar(other), refused("one of other cases or another recipe"));
    });
  } finally {
    await engine.close();
  }
});
