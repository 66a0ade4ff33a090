/** A MONAI bundle as a zip (`scripts/fixtures/bundle.py`), and the mask that MONAI itself made of a patient with thick slices. */
import assert from "node:assert/strict";
import { unzipSync, zipSync } from "fflate";
import { openEngine } from "../src/engine/mod.ts";
import { segment } from "../src/inference/mod.ts";
import { readVolume } from "../src/volume/mod.ts";
import { importWeights } from "../src/weights/import_weights.ts";
import { diceOf } from "./testing/dice.ts";
import { inFolder } from "./testing/volumes.ts";

const FIXTURES = `${import.meta.dirname}/fixtures`;

Deno.test("a MONAI bundle as a zip is imported and gives MONAI's own mask", async () => {
  const engine = await openEngine("cpu");
  try {
    await inFolder(async (out) => {
      const { draft, report } = await importWeights({ path: `${FIXTURES}/bundle/bundle.zip` }, { name: "mine" }, out);
      assert.deepEqual([draft.modalities, draft.labels.map((l) => l.name)], [["t1", "flair"], ["edema", "core"]]);
      assert.equal(draft.inference.activation, "softmax");
      assert.equal(report.assumed.some((note) => note.startsWith("pre-processing that nobody states")), false);
      const images = { t1: `${FIXTURES}/nnunet/t1.nii.gz`, flair: `${FIXTURES}/nnunet/flair.nii.gz` };
      const outPath = `${out}/mask.nii.gz`;
      await segment({ directory: out, spec: draft, images, engine, output: "labels", outPath });
      const [ours, theirs] = [await readVolume(outPath), await readVolume(`${FIXTURES}/bundle/mask.nii.gz`)];
      for (const dice of diceOf(ours.data, theirs.data, [1, 2])) assert.ok(dice > 0.99, `Dice ${dice}`);
    });
  } finally {
    await engine.close();
  }
});

Deno.test("a MONAI bundle with weights alone is refused, with the command that exports it", async () => {
  const files = unzipSync(await Deno.readFile(`${FIXTURES}/bundle/bundle.zip`));
  const weights = await Deno.readFile(`${FIXTURES}/nnunet/plain.pth`);
  const { "tiny/models/model.onnx": _, ...others } = files;
  await inFolder(async (out) => {
    const path = `${out}/bundle.zip`;
    await Deno.writeFile(path, zipSync({ ...others, "tiny/models/model.pt": weights }, { level: 0 }));
    await assert.rejects(importWeights({ path }, { name: "mine" }, out), {
      message: /monai\.bundle onnx_export --net_id/,
    });
  });
});
